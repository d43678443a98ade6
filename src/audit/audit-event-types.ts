/** The JSON Schema of a member of `metadata`. */
export interface MemberSchema {
  readonly type: string | readonly string[];
  readonly format?: string;
  readonly items?: MemberSchema;
}

interface EventType {
  /** When the controller records the event. */
  readonly when: string;
  /** The members that `metadata` can have. */
  readonly metadata: Readonly<Record<string, MemberSchema>>;
}

const TEXT: MemberSchema = { type: 'string' };
const TEXT_OR_NULL: MemberSchema = { type: ['string', 'null'] };
const TEXTS: MemberSchema = { type: 'array', items: TEXT };
const TIME: MemberSchema = { type: 'string', format: 'date-time' };
const TIME_OR_NULL: MemberSchema = { type: ['string', 'null'], format: 'date-time' };
const INTEGER: MemberSchema = { type: 'integer' };
const NUMBER: MemberSchema = { type: 'number' };
const FLAG: MemberSchema = { type: 'boolean' };
const INTEGER_OR_NULL: MemberSchema = { type: ['integer', 'null'] };
const FLAG_OR_NULL: MemberSchema = { type: ['boolean', 'null'] };
const OBJECT: MemberSchema = { type: 'object' };

const CHANGE = { changed: TEXTS, version: INTEGER, retryable: FLAG_OR_NULL };
const CONTENT = { content: TEXT };
const TRANSITION = { from: TEXT, to: TEXT, reason: TEXT, ...CHANGE };
const ATTEMPT = { attempt: INTEGER, version: INTEGER };
const QUEUED = { not_before: TIME_OR_NULL, queued_at: TIME_OR_NULL };
const NEXT_ATTEMPT = {
  ...ATTEMPT,
  attempts_left: INTEGER,
  ...QUEUED,
  parked_for: TEXT_OR_NULL,
  began: TIME,
};
const BEGUN_APPROVAL = {
  stage: INTEGER,
  stages: TEXTS,
  quorum: INTEGER,
  four_eyes: FLAG,
  approver_kind: TEXT_OR_NULL,
  began: TIME,
};
const DIGEST = { digest: TEXT_OR_NULL };
const AUTH = { auth: OBJECT };
const OF_APPROVER = { approver_role: TEXT };
const VOTE = {
  ...OF_APPROVER,
  chain_id: TEXT,
  ...{ decision: TEXT, votes: INTEGER, kind: TEXT, renewed: FLAG },
  ...DIGEST,
  ...CONTENT,
  ...AUTH,
};
const MOVE = {
  ...OF_APPROVER,
  ...{ from: TEXT, to: TEXT, told: TEXT, approver_kind: TEXT_OR_NULL },
  ...{ delegated_from: TEXT_OR_NULL, reassigned_at: TIME_OR_NULL },
};
const PAUSE = { role: TEXT, told: TEXT, until: TIME_OR_NULL, paused_by: TEXT, paused_at: TIME };
const OF_WEBHOOK = { webhook_id: TEXT };
const SELECTION = { types: TEXTS, role: TEXT_OR_NULL, task_id: TEXT_OR_NULL };
const WEBHOOK = { ...OF_WEBHOOK, origin: TEXT, ...SELECTION, status: TEXT };

/** The members that `metadata` of every type can have. */
export const COMMON_METADATA = { request_trace_id: TEXT };

/**
 * The events that the controller records, by their type. The table of docs/events.md and the AsyncAPI document have the
 * same content. Events of agents have the type `agent.<category>.<action>`.
 */
export const AUDIT_EVENT_TYPES = {
  task_routed: {
    when: 'a task is routed, with attempt 1',
    metadata: {
      ...{ to_role: TEXT, task_type: TEXT, priority: TEXT, deadline_at: TIME_OR_NULL },
      ...{ max_attempts: INTEGER, max_run_seconds: INTEGER_OR_NULL, not_before: TIME_OR_NULL },
      ...{ parent_task_id: TEXT_OR_NULL, requires_approval: { type: ['object', 'null'] } },
      ...{ ...ATTEMPT, idempotency_key: TEXT, began: TIME, traceparent: TEXT, ...CONTENT },
    },
  },
  task_claimed: {
    when: 'a task is claimed, by either route',
    metadata: {
      ...TRANSITION,
      waited_seconds: NUMBER,
      ...{ lease_until: TIME_OR_NULL, run_until: TIME_OR_NULL },
    },
  },
  task_released: {
    when: 'a task is released',
    metadata: {
      ...TRANSITION,
      told: TEXT,
      not_before: TIME,
      until_approval: TEXT,
      undelivered: FLAG,
    },
  },
  task_cancelled: {
    when: 'a task is cancelled; by a cascade with the id of the root as `cause`',
    metadata: { ...TRANSITION, told: TEXT, cause: TEXT },
  },
  task_retried: { when: 'a task is retried', metadata: { ...NEXT_ATTEMPT, told: TEXT } },
  attempt_opened: {
    when: 'the next attempt opens, after one that was lost, failed with `retryable`, or was released',
    metadata: NEXT_ATTEMPT,
  },
  attempt_due: {
    when: 'the approval that a parked attempt waits for is decided or withdrawn',
    metadata: { until_approval: TEXT, ...ATTEMPT, ...QUEUED },
  },
  attempt_postponed: {
    when: 'the next stage of that approval opens',
    metadata: { until_approval: TEXT, ...ATTEMPT, ...QUEUED },
  },
  session_created: {
    when: 'an agent creates a session without a routed task',
    metadata: { version: INTEGER, began: TIME, ...CONTENT },
  },
  session_adopted: {
    when: 'an agent creates the session of a routed task, and receives its pending attempt',
    metadata: { ...CHANGE, ...CONTENT },
  },
  session_transitioned: {
    when: 'an agent changes the status, or the sweep does (role `system`, `reason` `lease_lost`, `run_limit`, `deadline` or `retention`)',
    metadata: { ...TRANSITION, dead: FLAG, ...CONTENT },
  },
  session_updated: {
    when: 'an agent changes other members of a session',
    metadata: { ...CHANGE, ...CONTENT },
  },
  approval_requested: {
    when: 'an approval is requested, and when its next stage opens',
    metadata: {
      ...OF_APPROVER,
      chain_id: TEXT,
      ...BEGUN_APPROVAL,
      ...{ requested_role: TEXT, requested_kind: TEXT, repeat: FLAG, supersedes: TEXT },
      ...{ expires_in_seconds: INTEGER_OR_NULL, expires_at: TIME_OR_NULL },
      ...DIGEST,
      ...CONTENT,
    },
  },
  approval_voted: {
    when: 'a vote does not decide, because the quorum is not reached',
    metadata: VOTE,
  },
  approval_decided: {
    when: 'an approval is approved or rejected',
    metadata: {
      ...VOTE,
      ...{ pending_seconds: NUMBER, changed_from: TEXT, decision_at: TIME },
      consume_until: TIME_OR_NULL,
      ...BEGUN_APPROVAL,
    },
  },
  approval_withdrawn: {
    when: 'an approval is withdrawn; `reason` is `task_ended` when its task has ended',
    metadata: { ...OF_APPROVER, reason: TEXT, told: TEXT, decision_at: TIME },
  },
  approval_expired: { when: 'the time to decide has passed', metadata: OF_APPROVER },
  approval_extended: {
    when: 'an outage does not count as time to decide or to consume',
    metadata: { ...OF_APPROVER, until: TIME, reason: TEXT },
  },
  approval_delegated: { when: 'the approver role delegates the decision', metadata: MOVE },
  approval_recalled: { when: 'the role that delegated recalls the decision', metadata: MOVE },
  approval_reassigned: {
    when: 'an admin gives the decision to another role',
    metadata: { ...MOVE, discarded_votes: { type: 'array' } },
  },
  approval_consumed: {
    when: 'an approval is consumed',
    metadata: {
      ...OF_APPROVER,
      ...{ attempt: INTEGER_OR_NULL, repeat: FLAG, consumed_at: TIME },
      consumed_session_id: TEXT_OR_NULL,
      ...DIGEST,
      ...AUTH,
    },
  },
  role_paused: { when: 'an admin pauses a role', metadata: PAUSE },
  role_resumed: { when: 'an admin resumes a role', metadata: PAUSE },
  webhook_created: { when: 'an admin creates a webhook', metadata: WEBHOOK },
  webhook_updated: { when: 'an admin changes a webhook', metadata: WEBHOOK },
  webhook_deleted: { when: 'an admin deletes a webhook', metadata: WEBHOOK },
  webhook_secret_rotated: {
    when: 'an admin rotates the secret of a webhook',
    metadata: WEBHOOK,
  },
  webhook_tested: { when: 'an admin tests a webhook', metadata: OF_WEBHOOK },
  webhook_replayed: {
    when: 'an admin sends an event (`position`), or a part of the event log, again',
    metadata: {
      ...OF_WEBHOOK,
      position: INTEGER,
      after: INTEGER,
      up_to: INTEGER,
      only_failed: FLAG,
      count: INTEGER,
    },
  },
  webhook_disabled: {
    when: 'the controller disables a webhook',
    metadata: { ...OF_WEBHOOK, status: TEXT },
  },
  access_denied: {
    when: 'a request is [denied](security.md#auditing-denied-requests)',
    metadata: { method: TEXT, path: TEXT, code: TEXT, concealed: FLAG, repeated: INTEGER },
  },
  log_key_changed: {
    when: 'the operator [changes](operations/audit-log.md#change-the-key) the signing key of the audit log',
    metadata: { old: TEXT, new: TEXT },
  },
  log_key_revoked: {
    when: 'the operator [revokes](operations/audit-log.md#revoke-a-key) a signing key of the audit log',
    metadata: { vkey: TEXT, good_until_size: INTEGER },
  },
  data_erased: {
    when: 'the operator [erases](operations/erasure.md) personal data',
    metadata: {
      ...{ event_ids: TEXTS, alias: TEXT, reason: TEXT, by: TEXT },
      ...{ tasks: TEXTS, sessions: TEXTS, approvals: TEXTS, notes: TEXTS },
    },
  },
  audit_archived: {
    when: 'the operator [archives](operations/audit-log.md#archive-old-events) entries of the sealed log',
    metadata: { origin: TEXT, from: INTEGER, to: INTEGER, sha256: TEXT, by: TEXT },
  },
  log_continued: {
    when: 'the operator [continues](operations/audit-log.md#continue-under-another-name) a sealed log that has diverged',
    metadata: {
      ...{ origin: TEXT, size: INTEGER, root: TEXT, head: { type: ['object', 'null'] } },
      ...{ gap: OBJECT, reason: TEXT, told: TEXT, by: TEXT },
    },
  },
} as const satisfies Record<string, EventType>;

/** Types of the events that the controller records. */
export type AuditEventType = keyof typeof AUDIT_EVENT_TYPES;
