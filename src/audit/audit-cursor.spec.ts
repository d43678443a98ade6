import { describe, expect, it } from '@jest/globals';
import { decodeAuditCursor, encodeAuditCursor } from './audit-cursor.js';
import { InvalidInputError } from '../errors/domain-error.js';

const ID = '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c';
const AFTER = { at: '2026-01-31T12:00:05.123456Z', id: ID };

describe('A cursor of the audit log', () => {
  it.each([
    ['an earlier version made it', { after: AFTER }],
    ['no transaction is open', { after: AFTER, unread: { open: [], next: 9 } }],
    ['transactions are open', { after: AFTER, unread: { open: [7, 8], next: 4_000_000_001 } }],
    [
      'a part is read',
      { after: AFTER, unread: { open: [12], next: 13 }, part: { tx: 12, id: ID } },
    ],
  ])('keeps its members when %s', (_, cursor) => {
    expect(decodeAuditCursor(encodeAuditCursor(cursor))).toEqual(cursor);
  });

  it('is short when hundreds of transactions are open', () => {
    const open = Array.from({ length: 500 }, (_, n) => 9_000_000_000 + 40 * n);

    expect(
      encodeAuditCursor({ after: AFTER, unread: { open, next: 9_000_020_001 } }).length,
    ).toBeLessThan(2_000);
  });

  const plain = encodeAuditCursor({ after: AFTER });

  it.each([
    'x',
    `${plain}.`,
    `${plain}.-1`,
    `${plain}.00`,
    `${plain}.A`,
    `${plain}.zzzzzzzzzzz-zzzzzzzzzzz`,
    `${plain}.1.1`,
    `${plain}.1.1.${ID.toUpperCase()}`,
    `${plain}.1.1.${ID}.1`,
    `x.1`,
  ])('is refused if it is %s', (text) => {
    expect(() => decodeAuditCursor(text)).toThrow(InvalidInputError);
  });
});
