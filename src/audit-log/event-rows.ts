import type { EntityManager } from 'typeorm';
import { FormatError } from '../../packages/verify/src/encoding.js';
import { hasErasedParts, leafText } from '../../packages/verify/src/leaf.js';
import { leafHash } from '../../packages/verify/src/tree.js';
import type { RowPage } from '../database/sql.js';
import { type AuditLogRepository, type PositionedRow, ROWS } from './audit-log.repository.js';

/**
 * Yields the events from one position to another, in their order. Positions without an event are left out. The database
 * reads the next page while the caller works on this one.
 */
export async function* readRows(
  logs: AuditLogRepository,
  manager: EntityManager,
  from: number,
  to: number,
): AsyncGenerator<PositionedRow> {
  let reading: Promise<RowPage<PositionedRow>> | undefined = logs.listRows(manager, from, to);
  while (reading) {
    const page: RowPage<PositionedRow> = await reading;
    const { rows, isTruncated } = page;
    const last: PositionedRow | undefined = rows.at(-1);
    const isLast = !last || (rows.length < ROWS && !isTruncated);
    reading = isLast ? undefined : logs.listRows(manager, last.position + 1, to);
    // The reader may stop before it reaches this page.
    reading?.catch(() => undefined);
    yield* rows;
  }
}

/**
 * Returns the hash of the leaf of an event. Undefined: the event has no leaf. Either it has no salt and is not erased, or it
 * is erased and somebody has written an erased part again.
 */
export function rowHash(row: PositionedRow): Buffer | undefined {
  try {
    return hasErasedParts(row) ? undefined : leafHash(leafText(row));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
