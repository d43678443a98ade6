import type { EntityManager } from 'typeorm';
import { FormatError } from '../../packages/verify/src/encoding.js';
import { hasErasedParts, leafText } from '../../packages/verify/src/leaf.js';
import { leafHash } from '../../packages/verify/src/tree.js';
import { type AuditLogRepository, type PositionedRow, ROWS } from './audit-log.repository.js';

/** Yields the events from one position to another, in their order. Positions without an event are left out. */
export async function* readRows(
  logs: AuditLogRepository,
  manager: EntityManager,
  from: number,
  to: number,
): AsyncGenerator<PositionedRow> {
  for (let next = from; ;) {
    const { rows, isTruncated } = await logs.listRows(manager, next, to);
    yield* rows;
    const last = rows.at(-1);
    if (!last || (rows.length < ROWS && !isTruncated)) return;
    next = last.position + 1;
  }
}

/**
 * Returns the hash of the leaf of an event. Undefined for an event that has no leaf: one without a salt that is not
 * erased, or one that is erased and has parts again.
 */
export function rowHash(row: PositionedRow): Buffer | undefined {
  try {
    return hasErasedParts(row) ? undefined : leafHash(leafText(row));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
