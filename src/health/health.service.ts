import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { AuditLogStateService } from '../audit-log/audit-log-state.service.js';
import { type KeysState, VerificationKeys } from '../auth/verification-keys.js';
import { type DatabaseHealth, DatabaseHealthService } from '../database/database-health.service.js';
import { NotificationListenerService } from '../database/notification-listener.service.js';
import { ReadReplicaService } from '../database/replica/read-replica.service.js';
import { ShutdownService } from '../limits/shutdown.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';
import { VERSION } from '../version.js';
import type { HealthDto, ReadinessDto, ServiceStatusDto } from './health.dto.js';

/** Milliseconds that a probe waits for the identity provider. */
const CHECK_TIMEOUT_MS = 1_000;

@Injectable()
export class HealthService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly databaseHealth: DatabaseHealthService,
    private readonly listener: NotificationListenerService,
    private readonly redis: RedisCacheService,
    private readonly keys: VerificationKeys,
    private readonly shutdown: ShutdownService,
    private readonly auditLog: AuditLogStateService,
    private readonly replica: ReadReplicaService,
  ) {}

  /** Loads the signing keys before the first request. */
  onApplicationBootstrap(): void {
    void this.keys.prepare();
  }

  beforeApplicationShutdown(): void {
    this.shutdown.begin();
  }

  status(): ServiceStatusDto {
    return { status: 'ok', version: VERSION };
  }

  /** `degraded` if a configured dependency does not respond, or refuses commands. */
  async check(): Promise<HealthDto> {
    const [database, redis, keys] = await Promise.all([
      this.databaseHealth.check(),
      this.redis.health(),
      this.keysState(),
    ]);
    const replica = this.replica.state;
    const healthy =
      isUsable(database) &&
      redis.reason === undefined &&
      replica !== 'unavailable' &&
      ['local', 'available'].includes(keys);
    return {
      status: healthy ? 'healthy' : 'degraded',
      version: VERSION,
      database: database.isConnected ? 'connected' : 'disconnected',
      ...(database.reason && { database_reason: database.reason }),
      ...(this.listener.isPolling && { notifications: 'polling' }),
      ...(replica && { read_replica: replica }),
      redis: redis.status,
      ...(redis.reason !== undefined && { redis_reason: redis.reason }),
      audit_log: this.auditLog.state,
      ...(keys !== 'local' && { signing_keys: keys }),
      ...(this.keys.problem && { signing_keys_reason: this.keys.problem }),
    };
  }

  /**
   * Ready if PostgreSQL responds and takes writes, the signing keys were read at least once and the process is not stopping. Expired keys
   * do not change readiness: all processes lose them at the same time, and the controller's 503 names the cause, which the
   * 503 of a gateway does not.
   */
  async ready(): Promise<ReadinessDto> {
    if (this.shutdown.isStopping) return { status: 'not_ready' };
    const [database, keys] = await Promise.all([this.databaseHealth.check(), this.keysState()]);
    const ready = isUsable(database) && keys !== 'never_read';
    return { status: ready ? 'ready' : 'not_ready' };
  }

  private async keysState(): Promise<KeysState> {
    await Promise.race([this.keys.prepare(), sleep(CHECK_TIMEOUT_MS, undefined, { ref: false })]);
    return this.keys.state;
  }
}

function isUsable({ isConnected, reason }: DatabaseHealth): boolean {
  return isConnected && reason === undefined;
}
