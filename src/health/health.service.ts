import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { type KeysState, VerificationKeys } from '../auth/verification-keys.js';
import { TransactionsService } from '../database/transactions.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';
import { VERSION } from '../version.js';
import type { HealthDto, ReadyDto, StatusDto } from './health.dto.js';

/** Milliseconds that a probe waits for the database and for the identity provider. */
const CHECK_TIMEOUT_MS = 1_000;

@Injectable()
export class HealthService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stopping = false;

  constructor(
    private readonly transactions: TransactionsService,
    private readonly redis: RedisCacheService,
    private readonly keys: VerificationKeys,
  ) {}

  /** Loads the signing keys before the first request. */
  onApplicationBootstrap(): void {
    void this.keys.prepare();
  }

  beforeApplicationShutdown(): void {
    this.stopping = true;
  }

  status(): StatusDto {
    return { status: 'ok', version: VERSION };
  }

  /** `degraded` if a configured dependency does not respond, or refuses commands. */
  async check(): Promise<HealthDto> {
    const [database, redis, keys] = await Promise.all([
      this.database(),
      this.redis.health(),
      this.keysState(),
    ]);
    const healthy =
      database === 'connected' &&
      redis.reason === undefined &&
      ['local', 'available'].includes(keys);
    return {
      status: healthy ? 'healthy' : 'degraded',
      version: VERSION,
      database,
      redis: redis.status,
      ...(redis.reason !== undefined && { redis_reason: redis.reason }),
      ...(keys !== 'local' && { signing_keys: keys }),
    };
  }

  /**
   * Ready if PostgreSQL responds, the signing keys were read at least once and the process is not stopping. Expired keys
   * do not change readiness: all processes lose them at the same time, and the controller's 503 names the cause, which the
   * 503 of a gateway does not.
   */
  async ready(): Promise<ReadyDto> {
    if (this.stopping) return { status: 'not_ready' };
    const [database, keys] = await Promise.all([this.database(), this.keysState()]);
    const ready = database === 'connected' && keys !== 'never_read';
    return { status: ready ? 'ready' : 'not_ready' };
  }

  private async keysState(): Promise<KeysState> {
    await Promise.race([this.keys.prepare(), sleep(CHECK_TIMEOUT_MS, undefined, { ref: false })]);
    return this.keys.state;
  }

  private async database(): Promise<'connected' | 'disconnected'> {
    const answer = this.transactions.ping().then(
      () => 'connected' as const,
      () => 'disconnected' as const,
    );
    return Promise.race([answer, sleep(CHECK_TIMEOUT_MS, 'disconnected' as const, { ref: false })]);
  }
}
