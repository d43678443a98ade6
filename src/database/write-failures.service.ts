import { Injectable } from '@nestjs/common';
import { type DatabaseReason, databaseReasonOf } from './database-reason.js';

/** Milliseconds for which a failed write shows that the database cannot take writes. */
const RECENT_MS = 5_000;

/**
 * The latest write of a request that failed because the database takes no writes. A full disk can fail the writes of
 * requests while heartbeats, which need no new space, still succeed.
 */
@Injectable()
export class WriteFailuresService {
  private latestAt = -Infinity;
  private reason?: DatabaseReason;
  private latest?: unknown;

  /** Records the error of a statement. Ignores errors with other causes. */
  record(error: unknown): void {
    const reason = databaseReasonOf(error);
    if (reason !== 'disk_full' && reason !== 'read_only') return;
    this.latestAt = performance.now();
    this.reason = reason;
    this.latest = error;
  }

  /** The error of the latest write that failed. */
  get failure(): unknown {
    return this.latest;
  }

  /** When the latest write failed, in the milliseconds of `performance.now()`. */
  get failedAt(): number {
    return this.latestAt;
  }

  /** The reason, if a write failed in the last seconds. */
  get recent(): DatabaseReason | undefined {
    return performance.now() - this.latestAt < RECENT_MS ? this.reason : undefined;
  }
}
