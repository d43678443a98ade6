import { decodeCursor, encodeCursor, type Keyset } from '../database/keyset.js';
import { InvalidInputError } from '../errors/domain-error.js';

/** Which transactions had not ended at a time, by their ids. */
export interface OpenTransactions {
  /** Transactions that had not ended, in ascending order. */
  readonly open: readonly number[];
  /** This transaction and all later ones had not ended. */
  readonly next: number;
}

/** The position of a reader of the audit log: it has read the events up to `after`, except those named here. */
export interface AuditCursor {
  readonly after: Keyset;
  /** The reader has read no event of these transactions up to `after`. Undefined in cursors of earlier versions. */
  readonly unread?: OpenTransactions | undefined;
  /** Exception: it has read those of one open transaction up to this id, in the order of the ids. */
  readonly part?: { readonly tx: number; readonly id: string } | undefined;
}

/** Maximum length of a cursor, in characters. Each open transaction takes two to nine. */
export const MAX_AUDIT_CURSOR = 4_000;

const PATTERN =
  /^([\w-]+)\.([0-9a-z]{1,11}(?:-[0-9a-z]{1,11})*)(?:\.([0-9a-z]{1,11})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?$/;

/** Encodes the ids of the transactions in base 36, each as the difference to the one before. */
export function encodeAuditCursor({ after, unread, part }: AuditCursor): string {
  const keyset = encodeCursor('events', after);
  if (!unread) return keyset;
  const ids = [...unread.open, unread.next];
  const differences = ids.map((id, n) => (id - (ids[n - 1] ?? 0)).toString(36)).join('-');
  return [keyset, differences, ...(part ? [part.tx.toString(36), part.id] : [])].join('.');
}

/**
 * Decodes a cursor of {@link encodeAuditCursor}.
 *
 * @throws InvalidInputError if it is any other text
 */
export function decodeAuditCursor(text: string): AuditCursor {
  const [, keyset = text, differences, tx, id] = PATTERN.exec(text) ?? [];
  const cursor: AuditCursor = {
    after: decodeCursor('events', keyset),
    ...(differences !== undefined && { unread: decodeIds(differences) }),
    ...(tx !== undefined && id !== undefined && { part: { tx: parseInt(tx, 36), id } }),
  };
  const isSafe = Number.isSafeInteger(cursor.unread?.next ?? 0);
  if (!isSafe || encodeAuditCursor(cursor) !== text) {
    throw new InvalidInputError([
      { pointer: '?cursor', message: 'cursor must be the next_cursor of the previous page' },
    ]);
  }
  return cursor;
}

function decodeIds(differences: string): OpenTransactions {
  let id = 0;
  const ids = differences.split('-').map((difference) => (id += parseInt(difference, 36)));
  return { open: ids.slice(0, -1), next: id };
}

/** Parses PostgreSQL's text of a snapshot: `xmin:xmax:` and the open transactions between them. */
export function parseSnapshot(text: string): OpenTransactions {
  const [, xmax = '', open = ''] = text.split(':');
  return { open: open === '' ? [] : open.split(',').map(Number), next: Number(xmax) };
}
