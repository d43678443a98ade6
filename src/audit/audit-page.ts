import { cutPage, isoTimeOf } from '../database/keyset.js';
import { ReplicaRefusalError } from '../database/replica/replica-position.js';
import type { RowPage } from '../database/sql.js';
import type { ListedEvent } from './audit.repository.js';
import { type AuditCursor, type OpenTransactions, parseSnapshot } from './audit-cursor.js';

/** A page of the audit log. */
export interface AuditPage {
  rows: ListedEvent[];
  /** The cursor of the next page; undefined on the last page. */
  cursor: AuditCursor | undefined;
}

/**
 * Returns events of a replica as the primary would have listed them when it had this snapshot. PostgreSQL's own snapshot
 * of a replica does not name the open transactions, which a cursor needs.
 *
 * @throws ReplicaRefusalError if the replica shows an event of a later commit
 */
export function asOfPrimary(found: RowPage<ListedEvent>, snapshot: string): RowPage<ListedEvent> {
  const { open, next } = parseSnapshot(snapshot);
  const isLater = ({ tx }: ListedEvent): boolean => {
    const id = Number(tx ?? 0);
    return id >= next || open.includes(id);
  };
  if (found.rows.some(isLater)) {
    throw new ReplicaRefusalError('newer', 'The page has events of later commits.');
  }
  return { ...found, rows: found.rows.map((row) => ({ ...row, snapshot })) };
}

/**
 * Builds one page. The query must select `size` + 1 rows: the extra row shows that another page follows.
 *
 * @param cursor the cursor from which the query continued
 */
export function toAuditPage(
  found: RowPage<ListedEvent>,
  size: number,
  cursor: AuditCursor | undefined,
): AuditPage {
  const { page, last } = cutPage(found, size);
  return { rows: page, cursor: last && cursorAfter(last, cursor) };
}

/** Returns the cursor after the last event of a page. */
function cursorAfter(last: ListedEvent, previous: AuditCursor | undefined): AuditCursor {
  const now = parseSnapshot(last.snapshot);
  if (last.is_late && previous?.unread) {
    const tx = Number(last.tx);
    const { after, unread, part } = previous;
    const isSamePart = part?.tx === tx;
    return {
      after,
      unread: isSamePart ? unread : unreadFrom(tx, without(unread, part?.tx), now),
      part: { tx, id: last.id },
    };
  }
  return { after: { at: isoTimeOf(last.keyset_at), id: last.id }, unread: now };
}

function without({ open, next }: OpenTransactions, tx: number | undefined): OpenTransactions {
  return { open: open.filter((id) => id !== tx), next };
}

/**
 * Returns the transactions that remain if a page ends within the late events of `tx`. Pages contain late events in the
 * order of their transactions, so those before `tx` remain only if they are open now.
 */
function unreadFrom(tx: number, before: OpenTransactions, now: OpenTransactions): OpenTransactions {
  const isOpen = (id: number): boolean => now.open.includes(id);
  if (tx < before.next) {
    return { open: before.open.filter((id) => id >= tx || isOpen(id)), next: before.next };
  }
  const since = now.open.filter((id) => id >= before.next && id < tx);
  return { open: [...before.open.filter(isOpen), ...since, tx], next: tx + 1 };
}
