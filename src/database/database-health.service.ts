import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { codeOf, explainError } from '../errors/error-text.js';
import { poolOf, serverOf } from './connection-pool.js';
import { type DatabaseReason, databaseReasonOf } from './database-reason.js';
import { DatabaseStartupService } from './database-startup.service.js';
import { ServiceHeartbeatService } from './service-heartbeat.service.js';
import { TransactionsService } from './transactions.service.js';
import { WriteFailuresService } from './write-failures.service.js';

/** State of the database. */
export interface DatabaseHealth {
  /** Whether the database responds. */
  readonly isConnected: boolean;
  /** Why the database cannot serve requests; undefined if it can. */
  readonly reason?: DatabaseReason;
}

/** Milliseconds that a check waits for the database. */
const CHECK_TIMEOUT_MS = 1_000;
/** Milliseconds between two looks at the writes, for the log. */
const WATCH_MS = 1_000;

/** Whether the database responds and takes writes. Heartbeats are the writes that show it without a request. */
@Injectable()
export class DatabaseHealthService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DatabaseHealthService.name);
  private logged?: DatabaseReason;
  private timer?: NodeJS.Timeout;
  private isRefreshSlow = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly startup: DatabaseStartupService,
    private readonly transactions: TransactionsService,
    private readonly heartbeat: ServiceHeartbeatService,
    private readonly failures: WriteFailuresService,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.log();
    }, WATCH_MS).unref();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Checks the database now, in about a second at most. */
  async check(): Promise<DatabaseHealth> {
    const limit = sleep(CHECK_TIMEOUT_MS, undefined, { ref: false });
    const [failure] = await Promise.all([
      Promise.race([this.ping(), limit.then(() => new Error('The database did not respond.'))]),
      this.isRefreshSlow ? undefined : this.refresh(limit),
    ]);
    if (failure !== undefined) return { isConnected: false, reason: this.reasonOf(failure) };
    const reason = this.writeReason;
    return { isConnected: true, ...(reason && { reason }) };
  }

  /** Waits for a heartbeat. While heartbeats do not succeed in time, only one check waits for each. */
  private async refresh(limit: Promise<unknown>): Promise<void> {
    this.isRefreshSlow = true;
    const refreshed = this.heartbeat.refresh().finally(() => {
      this.isRefreshSlow = false;
    });
    await Promise.race([refreshed, limit]);
  }

  /** The error of a read; undefined if the database responds. */
  private async ping(): Promise<unknown> {
    return this.transactions.ping().then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  private reasonOf(failure: unknown): DatabaseReason {
    const shown = databaseReasonOf(failure) ?? this.hangReason;
    if (shown) return shown;
    const startupReason = databaseReasonOf(this.startup.failure);
    if (!this.dataSource.isInitialized) return startupReason ?? 'unreachable';
    const pool = poolOf(this.dataSource);
    const isExhausted = pool && pool.waitingCount > 0 && !this.heartbeat.isStale;
    return isExhausted ? 'pool_exhausted' : 'unreachable';
  }

  private get writeReason(): DatabaseReason | undefined {
    if (!this.heartbeat.isStale) return this.requestReason;
    const { failure } = this.heartbeat;
    const shown = this.hangReason ?? databaseReasonOf(failure);
    // Another transaction can hold the row of the heartbeat. Then requests still write.
    return shown ?? (isWaitForLock(failure) ? this.requestReason : 'writes_fail');
  }

  /** Why the write of a request failed in the last seconds. A heartbeat since then proves that a failover is over. */
  private get requestReason(): DatabaseReason | undefined {
    const { recent, failedAt } = this.failures;
    const isOver = recent === 'read_only' && this.heartbeat.wasRecordedSince(failedAt);
    return isOver ? undefined : recent;
  }

  private get hangReason(): DatabaseReason | undefined {
    const hung = [this.dataSource, this.heartbeat.connections].some(
      (connections) => serverOf(connections).unanswered.hungCount > 0,
    );
    return hung ? 'commits_hang' : undefined;
  }

  private log(): void {
    if (!this.dataSource.isInitialized) return;
    const reason = this.writeReason;
    if (reason === this.logged) return;
    this.logged = reason;
    if (!reason) {
      this.logger.log('The database takes writes again. The instance is ready.');
      return;
    }
    const shown = [this.heartbeat.failure, this.failures.failure].find(
      (failure) => databaseReasonOf(failure) === reason,
    );
    const failure = shown ?? this.heartbeat.failure;
    const cause = failure === undefined ? '' : ` ${explainError(failure)}`;
    this.logger.warn(
      `The database takes no writes (${reason}). The instance is not ready.${cause}`,
    );
  }
}

/** Whether a statement ended because it waited too long, for example for a lock: lock_not_available or query_canceled. */
function isWaitForLock(failure: unknown): boolean {
  return ['55P03', '57014'].includes(codeOf(failure) ?? '');
}
