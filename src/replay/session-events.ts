import { withPrefix } from '../common/ids.js';
import {
  canTransition,
  SESSION_STATUSES,
  type SessionStatus,
} from '../lifecycle/session-status.js';
import { isPriority, rankOf } from '../tasks/priority.js';
import type { ExpectedRow } from './expected-row.js';
import type { LogEntry } from './log-entry.js';
import type { ReplayState } from './replay-state.js';

/** A trigger compares `not_before` with the clock shortly before the event. */
const CLOSE_MS = 5_000;

/** Opens a task and its first attempt. */
export function taskRouted(state: ReplayState, event: LogEntry): void {
  const { task_id, session_id, metadata, trace_id, role, actor } = event;
  const { to_role, task_type, deadline_at, priority, max_attempts, max_run_seconds, began } =
    metadata;
  if (task_id === null) return;
  const task = state.open(state.tasks, withPrefix('task', task_id), task_id, event);
  task.isOld = began === undefined;
  task.set(event, {
    id: task_id,
    from_role: role,
    to_role,
    task_type,
    trace_id,
    created_by: actor,
  });
  task.set(event, { created_at: began, priority, deadline_at, max_attempts, max_run_seconds });
  const { parent_task_id, requires_approval, idempotency_key, traceparent = null } = metadata;
  task.set(event, { parent_task_id, requires_approval, idempotency_key, traceparent });
  task.setContent(event);
  if (session_id === null) return;
  const session = openSession(state, event, session_id);
  session.set(event, {
    ...attemptOf(task),
    attempt: 1,
    attempts_left: typeof max_attempts === 'number' ? max_attempts - 1 : undefined,
    not_before: metadata.not_before,
    queued_at: queuedAt(event),
    parked_for: null,
  });
  state.latestAttempts.set(task_id, session_id);
}

/** Opens a plain session. */
export function sessionCreated(state: ReplayState, event: LogEntry): void {
  if (event.session_id === null) return;
  const session = openSession(state, event, event.session_id);
  session.set(event, {
    ...{ role: event.role, task_id: event.task_id, trace_id: event.trace_id },
    ...{ created_by: event.actor, attempt: null, attempts_left: null, deadline_at: null },
    ...{ priority: 1, not_before: null, queued_at: null, parked_for: null, task_type: null },
    ...{ max_run_seconds: null, from_role: null, task_created_at: null, task_status: null },
  });
  session.setContent(event);
}

/** Opens the next attempt of a task. */
export function attemptOpened(state: ReplayState, event: LogEntry): void {
  const { task_id, session_id, metadata, entry } = event;
  if (task_id === null || session_id === null) return;
  const session = openSession(state, event, session_id);
  const task = state.tasks.get(task_id);
  const { attempt, attempts_left, not_before, queued_at, parked_for } = metadata;
  session.set(event, { ...(task && attemptOf(task)), attempt, attempts_left });
  session.set(event, { not_before, queued_at, parked_for });
  const previous = state.sessions.get(state.latestAttempts.get(task_id) ?? '');
  state.latestAttempts.set(task_id, session_id);
  if (!previous) return;
  const number = previous.get('attempt');
  if (typeof number === 'number' && attempt !== number + 1)
    state.findings.add(
      `${session.name}: attempt ${String(attempt)} follows attempt ${number}`,
      entry,
    );
  const status = previous.get('status');
  if (isStatus(status) && !previous.isOld && ['pending', 'active'].includes(status))
    state.findings.add(`${session.name}: opens while ${previous.name} is ${status}`, entry);
  previous.set(event, { task_status: null });
}

/** Changes a session by one version, and by one step of the state machine if the event has one. */
export function sessionChanged(state: ReplayState, event: LogEntry): void {
  const { metadata, at, task_id, entry } = event;
  const { from, to, reason, version, retryable } = metadata;
  const session = state.session(event);
  // Set by all versions that record facts.
  if (retryable === undefined) session.isOld = true;
  assertNextVersion(state, session, event);
  session.set(event, { version, updated_at: at, ended_reason: null });
  if (task_id !== null) session.set(event, { task_id });
  if (isStatus(from) && isStatus(to)) {
    assertStep(state, session, event, from, to);
    session.set(event, { status: to, ended_reason: reason ?? null });
    if (to === 'active' && session.get('claimed_by') === null)
      session.set(event, { claimed_by: event.actor });
  } else if (isOpen(session) === false) {
    state.findings.add(`${session.name}: changes after it ended`, entry);
  }
  if (typeof retryable === 'boolean') session.set(event, { retryable });
  if (metadata.lease_until !== undefined) {
    // Heartbeats extend the lease without an event.
    session.set(event, { run_until: metadata.run_until, lease_expires_at: undefined });
    session.set(event, { lease_seconds: undefined });
  }
  session.setContent(event);
  if (typeof session.get('attempt') === 'number' && session.get('task_status') !== null)
    session.set(event, { task_status: taskStatusOf(session) });
}

/** Moves the time at which a pending attempt becomes due. */
export function dueTimeMoved(state: ReplayState, event: LogEntry): void {
  const { metadata, at, entry } = event;
  const { version, not_before, queued_at } = metadata;
  const session = state.session(event);
  if (queued_at === undefined) session.isOld = true;
  assertNextVersion(state, session, event);
  const status = session.get('status');
  if (isStatus(status) && status !== 'pending')
    state.findings.add(`${session.name}: its due time moves while it is ${status}`, entry);
  session.set(event, { version, updated_at: at, not_before, queued_at });
}

function openSession(state: ReplayState, event: LogEntry, id: string): ExpectedRow {
  const { began, version } = event.metadata;
  const session = state.open(state.sessions, withPrefix('session', id), id, event);
  session.isOld = began === undefined;
  session.set(event, {
    ...{ id, status: 'pending', version: version ?? 1, created_at: began, updated_at: began },
    ...{ claimed_by: null, ended_reason: null, retryable: null, run_until: null },
    ...{ lease_expires_at: null, lease_seconds: null },
  });
  session.content = 'empty';
  return session;
}

/** Returns the columns that an attempt has from its task. */
function attemptOf(task: ExpectedRow): Record<string, unknown> {
  const priority = task.get('priority');
  return {
    role: task.get('to_role'),
    task_id: task.get('id'),
    trace_id: task.get('trace_id'),
    created_by: task.get('created_by'),
    deadline_at: task.get('deadline_at'),
    priority: isPriority(priority) ? rankOf(priority) : undefined,
    task_type: task.get('task_type'),
    max_run_seconds: task.get('max_run_seconds'),
    from_role: task.get('from_role'),
    task_created_at: task.get('created_at'),
    task_status: 'pending',
  };
}

/** Returns the place in the inbox of a first attempt: the time at which it becomes due, if that is later. */
function queuedAt({ at, metadata: { not_before } }: LogEntry): string | null | undefined {
  if (typeof not_before !== 'string') return null;
  const wait = Date.parse(not_before) - Date.parse(at);
  if (Math.abs(wait) < CLOSE_MS) return undefined;
  return wait > 0 ? not_before : null;
}

/** Returns the status of the task of an attempt, as `taskStatus` computes it. */
function taskStatusOf(session: ExpectedRow): unknown {
  if (session.get('ended_reason') === 'cancelled') return 'cancelled';
  const status = session.get('status');
  return status === 'failed' && session.get('retryable') === true ? 'dead' : status;
}

function assertNextVersion(state: ReplayState, session: ExpectedRow, event: LogEntry): void {
  const { version } = event.metadata;
  const known = session.get('version');
  if (typeof known !== 'number' || typeof version !== 'number' || version === known + 1) return;
  state.findings.add(`${session.name}: version ${version} follows version ${known}`, event.entry);
}

function assertStep(
  state: ReplayState,
  session: ExpectedRow,
  { entry }: LogEntry,
  from: SessionStatus,
  to: SessionStatus,
): void {
  const known = session.get('status');
  if (isStatus(known) && known !== from)
    state.findings.add(`${session.name}: changes from ${from}, but it is ${known}`, entry);
  else if (!canTransition(from, to))
    state.findings.add(`${session.name}: no transition leads from ${from} to ${to}`, entry);
}

/** Undefined if its status is unknown. */
function isOpen(session: ExpectedRow): boolean | undefined {
  const status = session.get('status');
  return isStatus(status) ? status === 'pending' || status === 'active' : undefined;
}

function isStatus(value: unknown): value is SessionStatus {
  return SESSION_STATUSES.some((status) => status === value);
}
