import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { messageOf } from '../errors/error-text.js';
import { serverOf } from './connection-pool.js';
import { Connection } from './connection.js';
import { DatabaseClockService } from './database-clock.service.js';
import { HeartbeatDataSource } from './heartbeat-data-source.js';
import {
  type Beat,
  BEAT_COLUMNS,
  OUTAGE_SECONDS,
  OutageRecoveryService,
} from './outage-recovery.service.js';
import { isConnectionLost } from './postgres-errors.js';
import { sql } from './sql.js';
import { PreparedStatementNames } from './pipeline.js';

/** Interval of the heartbeats of an instance, in milliseconds. */
const BEAT_MS = 2_000;
/** The age, in milliseconds, from which the latest heartbeat of this instance is stale: an outage may have passed. */
const STALE_MS = 5_000;
/** How long all statements together wait for a heartbeat after the latest one became stale, in milliseconds. */
const MAX_WAIT_MS = 1_000;
/** The longest response time, in milliseconds, of a heartbeat that sets the estimate of PostgreSQL's clock. */
const CLOCK_ERROR_MS = 1_000;

/**
 * Records heartbeats of the service in PostgreSQL. A gap between them is an outage: PostgreSQL, or all instances, were
 * unavailable, and the first heartbeat after it ends it before other statements read the times that ended in it.
 *
 * Heartbeats have a connection of their own, so that they never queue behind requests: a full pool is not an outage.
 */
@Injectable()
export class ServiceHeartbeatService
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger(ServiceHeartbeatService.name);
  private lastBeatAt = -Infinity;
  private latestFailure: unknown;
  private lastBeat?: Beat;
  private beating?: Promise<void>;
  /** When the first statement began to wait for a heartbeat, since the latest one or the latest lost connection. */
  private waitingSince?: number;
  private timer?: NodeJS.Timeout;
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    /** The single connection for heartbeats. */
    readonly connections: HeartbeatDataSource,
    private readonly names: PreparedStatementNames,
    private readonly clock: DatabaseClockService,
    private readonly recovery: OutageRecoveryService,
  ) {}

  /**
   * The time, by PostgreSQL's clock, up to which expiry is final; null: now. It does not advance while no heartbeat is
   * recorded, so that a delayed statement does not expire leases and approvals that ended during the delay.
   */
  get judgedUntil(): Date | null {
    return this.lastBeat ? new Date(this.lastBeat.now + OUTAGE_SECONDS * 1000) : null;
  }

  /** The end of the grace period after the latest outage, if there was one. */
  get graceUntil(): Date | null {
    return this.lastBeat?.grace_until ?? null;
  }

  onApplicationBootstrap(): void {
    this.schedule(0);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.beating?.catch(() => undefined);
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.connections.isInitialized) await this.connections.destroy();
  }

  /** The error of the latest heartbeat; undefined if it succeeded. */
  get failure(): unknown {
    return this.latestFailure;
  }

  /** Whether the latest heartbeat is so old that an outage may have passed since. */
  get isStale(): boolean {
    return performance.now() - this.lastBeatAt >= STALE_MS;
  }

  /**
   * Whether a heartbeat was recorded after a time in the milliseconds of `performance.now()`, on a connection that was
   * opened after it: a session from before can write although new ones are read-only.
   */
  wasRecordedSince(time: number): boolean {
    return this.lastBeatAt > time && serverOf(this.connections).latestOpeningAt > time;
  }

  /**
   * Waits for a heartbeat if the latest one is stale, so that an outage is detected before a statement reads times that
   * ended in it. The wait is limited for all statements together: while PostgreSQL responds to statements but not to
   * heartbeats, requests are served without one.
   */
  async noticeOutage(): Promise<void> {
    if (!this.isStale) return;
    this.waitingSince ??= performance.now();
    const remaining = this.waitingSince + MAX_WAIT_MS - performance.now();
    const refreshed = this.refresh();
    if (remaining > 0) await Promise.race([refreshed, sleep(remaining, undefined, { ref: false })]);
  }

  /** Records a heartbeat, or joins the one in progress. */
  beat(): Promise<void> {
    this.beating ??= this.record()
      .then(() => {
        this.latestFailure = undefined;
      })
      .catch((error: unknown) => {
        // PostgreSQL is away: statements wait for the first heartbeat after that.
        if (isConnectionLost(error)) this.waitingSince = undefined;
        this.latestFailure = error;
        throw error;
      })
      .finally(() => {
        this.beating = undefined;
      });
    return this.beating;
  }

  /**
   * Records a heartbeat if the latest one is stale. Never rejects. A heartbeat in progress may have been sent before this
   * process was suspended: then another one follows.
   */
  async refresh(): Promise<void> {
    if (!this.isStale) return;
    await this.beating?.catch(() => undefined);
    await this.beatIfStale();
  }

  private async beatIfStale(): Promise<void> {
    if (this.isStale) await this.beat().catch(() => undefined);
  }

  private schedule(ms: number): void {
    this.timer = setTimeout(() => {
      this.beat()
        .catch((error: unknown) => {
          if (this.dataSource.isInitialized) this.logger.debug(`No heartbeat. ${messageOf(error)}`);
        })
        .finally(() => {
          if (!this.stopped) this.schedule(BEAT_MS);
        });
    }, ms).unref();
  }

  private async record(): Promise<void> {
    if (!this.dataSource.isInitialized) throw new Error('the database is not open');
    if (!this.connections.isInitialized) await this.connections.initialize();
    let sentAt = NaN;
    const last = await Connection.use(this.connections, this.names, async (connection) => {
      sentAt = performance.now();
      const [beat] = await sql<Beat>(connection.manager, BEAT, [OUTAGE_SECONDS]);
      return beat ?? this.recovery.recover(connection);
    });
    // The process may have been suspended between the statement and its response, so only a fast response sets the clock.
    if (performance.now() - sentAt < CLOCK_ERROR_MS) this.clock.set(last.now);
    this.lastBeat = last;
    this.lastBeatAt = sentAt;
    if (!this.isStale) this.waitingSince = undefined;
  }
}

const BEAT = `
  UPDATE service_heartbeat SET beat_at = clock_timestamp()
   WHERE beat_at IS NULL OR beat_at > clock_timestamp() - make_interval(secs => $1)
  RETURNING ${BEAT_COLUMNS}`;
