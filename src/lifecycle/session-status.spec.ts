import { describe, expect, it } from '@jest/globals';
import {
  canTransition,
  ENDED_REASONS,
  endedReason,
  isTerminal,
  LIFECYCLE_EVENTS,
  SESSION_STATUSES,
  type SessionStatus,
} from './session-status.js';

/** From each state, the answer for each state, in the order of the heading. */
const TABLE: Record<SessionStatus, Record<SessionStatus, boolean>> = {
  pending: { pending: false, active: true, completed: false, failed: false, expired: true },
  active: { pending: false, active: false, completed: true, failed: true, expired: true },
  completed: { pending: false, active: false, completed: false, failed: false, expired: false },
  failed: { pending: false, active: false, completed: false, failed: false, expired: false },
  expired: { pending: false, active: false, completed: false, failed: false, expired: false },
};

describe('The lifecycle of a session', () => {
  it.each(SESSION_STATUSES.flatMap((from) => SESSION_STATUSES.map((to) => [from, to] as const)))(
    'from %s to %s is as the table says',
    (from, to) => {
      expect(canTransition(from, to)).toBe(TABLE[from][to]);
    },
  );

  it.each([
    ['pending', false, null],
    ['active', false, null],
    ['completed', true, 'completed'],
    ['failed', true, 'worker'],
    ['expired', true, 'worker'],
  ] as const)('%s: terminal %s, ended by an agent because %s', (status, terminal, reason) => {
    expect(isTerminal(status)).toBe(terminal);
    expect(endedReason(status)).toBe(reason);
  });

  it('knows a reason for every end', () => {
    const ends = SESSION_STATUSES.filter(isTerminal).map(endedReason);

    for (const reason of ends) expect(ENDED_REASONS).toContain(reason);
  });

  it('knows the events that v0.4 agents report', () => {
    expect(LIFECYCLE_EVENTS).toEqual({ activate: 'active', complete: 'completed', fail: 'failed' });
  });
});
