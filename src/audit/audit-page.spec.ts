import { describe, expect, it } from '@jest/globals';
import { ReplicaRefusalError } from '../database/replica/replica-position.js';
import { asOfPrimary } from './audit-page.js';
import type { ListedEvent } from './audit.repository.js';

describe('asOfPrimary', () => {
  const SNAPSHOT = '10:15:12,14';
  const event = (tx: string | null): ListedEvent => ({
    id: `event of ${tx ?? 'no transaction'}`,
    event_type: 'task_routed',
    role: 'finance',
    actor: 'tester',
    timestamp: new Date(0),
    trace_id: '',
    metadata: {},
    task_id: null,
    session_id: null,
    approval_id: null,
    from_role: null,
    to_role: null,
    n: null,
    tx,
    salt: null,
    erased: null,
    keyset_at: '',
    is_late: false,
    snapshot: '11:20:',
  });
  const page = (...txs: (string | null)[]) => ({ rows: txs.map(event), isTruncated: false });

  it('replaces the snapshot of the replica by that of the primary', () => {
    const { rows } = asOfPrimary(page('9', '13', null), SNAPSHOT);

    expect(rows.map(({ snapshot }) => snapshot)).toEqual([SNAPSHOT, SNAPSHOT, SNAPSHOT]);
  });

  it.each([
    ['that was open', '12'],
    ['that had not begun', '15'],
    ['that began later', '16'],
  ])('refuses a page with an event of a transaction %s', (_, tx) => {
    expect(() => asOfPrimary(page('9', tx), SNAPSHOT)).toThrow(ReplicaRefusalError);
  });
});
