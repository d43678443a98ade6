import { canTransition, type SessionStatus } from '../../src/lifecycle/session-status.js';
import type { StoredIndex } from './stored-index.js';
import { CHANGING, isSuccess, type Operation, violation, type Violation } from './history.js';
import type { StoredApproval, StoredSession } from './stored-rows.js';

/** Whether the attempts of a task are numbered without gaps, and only the last is open or completed. */
export function checkAttempts(task: string, found: StoredIndex): Violation[] {
  const attempts = found.attempts.get(task) ?? [];
  const told = attempts.map(({ attempt, status }) => `${attempt ?? 0} ${status}`).join(', ');
  const violations: Violation[] = [];
  if (attempts.length === 0 || attempts.some(({ attempt }, index) => attempt !== index + 1)) {
    violations.push(violation('attempts without gaps', task, told));
  }
  const ended = new Set<SessionStatus>(['failed', 'expired']);
  if (!attempts.slice(0, -1).every(({ status }) => ended.has(status))) {
    violations.push(violation('one attempt open or completed', task, told));
  }
  return violations;
}

/** The event that settles an approval with each status. */
const SETTLED_BY: Partial<Record<string, string>> = {
  approved: 'approval_decided',
  rejected: 'approval_decided',
  withdrawn: 'approval_withdrawn',
  expired: 'approval_expired',
};

/** Whether an approval was settled once, as the trail has it. */
export function checkApproval({ id, status }: StoredApproval, found: StoredIndex): Violation[] {
  const types = (found.settlements.get(id) ?? []).map(({ type }) => type);
  return types.join() === (SETTLED_BY[status] ?? '')
    ? []
    : [violation('one decision per approval', id, `${status} after ${types.join(', ') || 'none'}`)];
}

/** Whether the events of a session, in the order of the trail, lead version by version and step by legal step to what it is. */
export function checkSession(
  { id, status, version }: StoredSession,
  found: StoredIndex,
): Violation[] {
  const events = found.steps.get(id) ?? [];
  const violations: Violation[] = [];
  const versions = events.map((event) => event.version);
  if (versions.length !== version || versions.some((each, index) => each !== index + 1)) {
    violations.push(
      violation('versions without gaps', id, `${versions.join(' ')} for version ${version}`),
    );
  }
  let reached: SessionStatus = 'pending';
  for (const { from, to } of events) {
    if (!to) continue;
    if (from !== reached || !canTransition(from, to)) {
      violations.push(violation('legal steps', id, `${reached}, then ${from ?? '?'} -> ${to}`));
    }
    reached = to;
  }
  if (reached !== status) violations.push(violation('legal steps', id, `${reached}, is ${status}`));
  return violations;
}

/** Whether changes of a session took effect in real time: one begun after another was acknowledged comes after it. */
export function checkOrder(operations: readonly Operation[], found: StoredIndex): Violation[] {
  const changes = operations
    .filter(({ kind }) => CHANGING.has(kind))
    .flatMap((operation) =>
      found.eventsOf(operation).flatMap(({ session_id, version }) => {
        const { tries } = operation;
        const start = Math.min(...tries.map((each) => each.start));
        const acknowledged = tries.filter(({ answer }) => answer && isSuccess(answer));
        const end = Math.min(...acknowledged.map((each) => each.end));
        return session_id ? [{ session_id, version, start, end, key: operation.key }] : [];
      }),
    )
    .sort((a, b) => a.version - b.version);
  const latestStart = new Map<string, number>();
  return changes.flatMap(({ session_id, start, end, key }) => {
    const before = latestStart.get(session_id) ?? 0;
    latestStart.set(session_id, Math.max(before, start));
    return end < before ? [violation('real-time order', `change ${key}`, session_id)] : [];
  });
}
