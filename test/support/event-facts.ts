import type { AuditEventType } from '../../src/audit/audit-event-types.js';

/** The members of `metadata` of an event type, without `request_trace_id`, which each event of a request has. */
export interface EventFacts {
  always: readonly string[];
  sometimes: readonly string[];
}

const CHANGED = ['changed', 'retryable', 'version'];
const STEP = [...CHANGED, 'from', 'reason', 'to'];
const OPENED = [
  'attempt',
  'attempts_left',
  'began',
  'not_before',
  'parked_for',
  'queued_at',
  'version',
];
const DUE = ['attempt', 'not_before', 'queued_at', 'until_approval', 'version'];
const BEGUN = ['approver_kind', 'began', 'four_eyes', 'quorum', 'stage', 'stages'];
const VOTE = [
  'approver_role',
  'auth',
  'chain_id',
  'content',
  'decision',
  'digest',
  'kind',
  'votes',
];
const MOVE = ['approver_kind', 'approver_role', 'delegated_from', 'from', 'reassigned_at', 'to'];
const PAUSE = ['paused_at', 'paused_by', 'role', 'told', 'until'];
const WEBHOOK = ['origin', 'role', 'status', 'task_id', 'types', 'webhook_id'];

const only = (...always: readonly string[]): EventFacts => ({ always, sometimes: [] });
const facts = (always: readonly string[], ...sometimes: readonly string[]): EventFacts => ({
  always,
  sometimes,
});

/** The facts of each event type. A test compares them with the events of every change, and with docs/audit.md. */
export const EVENT_FACTS: Record<AuditEventType, EventFacts> = {
  task_routed: only(
    ...['attempt', 'began', 'content', 'deadline_at', 'idempotency_key', 'max_attempts'],
    ...['max_run_seconds', 'not_before', 'parent_task_id', 'priority', 'requires_approval'],
    ...['task_type', 'to_role', 'version'],
  ),
  task_claimed: only(...CHANGED, 'from', 'lease_until', 'run_until', 'to', 'waited_seconds'),
  task_released: facts(STEP, 'not_before', 'told', 'undelivered', 'until_approval'),
  task_cancelled: facts(STEP, 'cause', 'told'),
  task_retried: facts(OPENED, 'told'),
  attempt_opened: only(...OPENED),
  attempt_due: only(...DUE),
  attempt_postponed: only(...DUE),
  session_created: only('began', 'content', 'version'),
  session_adopted: facts(CHANGED, 'content'),
  session_updated: facts(CHANGED, 'content'),
  session_transitioned: facts(
    ['from', 'retryable', 'to', 'version'],
    ...['changed', 'content', 'dead', 'reason'],
  ),
  approval_requested: facts(
    [
      ...BEGUN,
      ...['approver_role', 'chain_id', 'content', 'digest', 'expires_at', 'expires_in_seconds'],
      ...['requested_kind', 'requested_role'],
    ],
    ...['repeat', 'supersedes'],
  ),
  approval_voted: facts(VOTE, 'renewed'),
  approval_decided: facts(
    [...VOTE, 'consume_until', 'decision_at'],
    ...[...BEGUN, 'changed_from', 'pending_seconds', 'renewed'],
  ),
  approval_withdrawn: facts(['approver_role', 'decision_at'], 'reason', 'told'),
  approval_expired: only('approver_role'),
  approval_extended: only('approver_role', 'reason', 'until'),
  approval_delegated: only(...MOVE, 'told'),
  approval_recalled: facts(MOVE, 'told'),
  approval_reassigned: only(...MOVE, 'discarded_votes', 'told'),
  approval_consumed: only(
    ...['approver_role', 'attempt', 'auth', 'consumed_at', 'consumed_session_id', 'digest'],
    'repeat',
  ),
  role_paused: only(...PAUSE),
  role_resumed: only(...PAUSE),
  webhook_created: only(...WEBHOOK),
  webhook_updated: only(...WEBHOOK),
  webhook_deleted: only(...WEBHOOK),
  webhook_secret_rotated: only(...WEBHOOK),
  webhook_tested: only('webhook_id'),
  webhook_replayed: facts(['webhook_id'], 'after', 'count', 'only_failed', 'position', 'up_to'),
  webhook_disabled: only('status', 'webhook_id'),
  log_key_changed: only('old', 'new'),
  log_key_revoked: only('vkey', 'good_until_size'),
  data_erased: facts(
    ['by', 'event_ids', 'reason'],
    ...['alias', 'approvals', 'notes', 'sessions', 'tasks'],
  ),
  audit_archived: only('by', 'from', 'origin', 'sha256', 'to'),
  log_continued: facts(['by', 'gap', 'head', 'origin', 'reason', 'root', 'size'], 'told'),
  access_denied: facts(['code', 'method', 'path'], 'concealed', 'repeated'),
};

/** The rows of the table in docs/audit.md. */
export function factsTable(): string[] {
  return Object.entries(EVENT_FACTS).map(([type, { always, sometimes }]) => {
    const names = (of: readonly string[]) =>
      [...of]
        .sort()
        .map((name) => `\`${name}\``)
        .join(', ');
    return `| \`${type}\` | ${names(always)} | ${names(sometimes)} |`;
  });
}
