import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { type KeysState, VerificationKeys } from '../auth/verification-keys.js';
import { sql } from '../database/sql.js';
import { Transactions } from '../database/transactions.js';
import { RedisCache } from '../redis/redis-cache.js';
import { VERSION } from '../version.js';
import type { HealthDto, ReadyDto, StatusDto } from './health.dto.js';

/** How long a probe waits for the database, and for the identity provider, in milliseconds. */
const PATIENCE = 1_000;

@Injectable()
export class HealthService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stopping = false;

  constructor(
    private readonly transactions: Transactions,
    private readonly redis: RedisCache,
    private readonly keys: VerificationKeys,
  ) {}

  /** Reads the signing keys before the first request needs them. */
  onApplicationBootstrap(): void {
    void this.keys.prepare();
  }

  beforeApplicationShutdown(): void {
    this.stopping = true;
  }

  status(): StatusDto {
    return { status: 'ok', version: VERSION };
  }

  /** Degraded when something that is configured does not answer. */
  async check(): Promise<HealthDto> {
    const [database, redis, keys] = await Promise.all([
      this.database(),
      this.redis.ping(),
      this.keysState(),
    ]);
    const healthy =
      database === 'connected' && redis !== 'disconnected' && ['local', 'available'].includes(keys);
    return {
      status: healthy ? 'healthy' : 'degraded',
      version: VERSION,
      database,
      redis,
      ...(keys !== 'local' && { signing_keys: keys }),
    };
  }

  /**
   * Ready when Postgres answers, the signing keys were read at least once and the process is not stopping. Keys that have
   * expired since then leave it ready: all processes lose them together, and their 503 says more than a gateway's.
   */
  async ready(): Promise<ReadyDto> {
    if (this.stopping) return { status: 'not_ready' };
    const [database, keys] = await Promise.all([this.database(), this.keysState()]);
    const ready = database === 'connected' && keys !== 'never_read';
    return { status: ready ? 'ready' : 'not_ready' };
  }

  private async keysState(): Promise<KeysState> {
    await Promise.race([this.keys.prepare(), sleep(PATIENCE, undefined, { ref: false })]);
    return this.keys.state;
  }

  private async database(): Promise<'connected' | 'disconnected'> {
    const answer = this.transactions
      .read((manager) => sql(manager, 'SELECT 1'))
      .then(
        () => 'connected' as const,
        () => 'disconnected' as const,
      );
    return Promise.race([answer, sleep(PATIENCE, 'disconnected' as const, { ref: false })]);
  }
}
