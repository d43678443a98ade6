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
  private failedAt = -Infinity;
  private reason?: DatabaseReason;

  /** Records the error of a statement. Ignores errors with other causes. */
  record(error: unknown): void {
    const reason = databaseReasonOf(error);
    if (reason !== 'disk_full' && reason !== 'read_only') return;
    this.failedAt = performance.now();
    this.reason = reason;
  }

  /** The reason, if a write failed in the last seconds. */
  get recent(): DatabaseReason | undefined {
    return performance.now() - this.failedAt < RECENT_MS ? this.reason : undefined;
  }
}
