/**
 * Parts of the schema and statements that Citus would not run on tables distributed by task, and the change that each
 * one needs. See docs/operations/scaling.md#citus.
 */

type Plans = Readonly<Record<string, string>>;

const ADD_TASK = 'Add task_id to the table, and to its key.';
const ADD_TO_KEY = 'Ids are unique by themselves: (task_id, id) is the key.';

/** Distribution columns that are missing or can be null. Citus refuses a row without a value. */
export const COLUMNS: Plans = {
  'sessions.task_id': 'A plain session without a task receives its own id.',
  'audit_events.task_id': 'An event without a task receives its own id.',
  'approval_votes.task_id': ADD_TASK,
  'vote_renewals.task_id': ADD_TASK,
  'approver_sessions.task_id': ADD_TASK,
  'approval_readers.task_id': ADD_TASK,
  'audit_event_readers.task_id': ADD_TASK,
};

/** Unique indexes without the distribution column. */
export const UNIQUE_INDEXES: Plans = {
  idx_tasks_idempotency_key:
    'Drop it. The record of the request keeps the key; the id of a keyed task is derived from the key.',
  sessions_pkey:
    'The key is (task_id, id). Generated ids are unique by themselves; ids that clients choose need a table of their own.',
  approvals_pkey: ADD_TO_KEY,
  approvals_supersedes_uq: 'Add task_id: both approvals belong to one task.',
  approval_votes_pkey: ADD_TASK,
  approval_votes_chain_subject_uq: ADD_TASK,
  vote_renewals_pkey: ADD_TASK,
  approver_sessions_pkey: ADD_TASK,
  approval_readers_pkey: ADD_TASK,
  audit_events_pkey: ADD_TO_KEY,
  audit_event_readers_pkey: ADD_TASK,
};

/** Foreign keys that are neither within a shard nor to a reference table. */
export const FOREIGN_KEYS: Plans = {
  tasks_parent_task_id_fk:
    'Drop it: a parent can be in another shard. Routing a subtask locks its parent; tasks are never deleted.',
  approvals_supersedes_fk: 'Add task_id: both approvals belong to one task.',
  approvals_consumed_session_id_fk: 'Add task_id: the attempt belongs to the task.',
  sessions_parked_for_fk: 'Add task_id: the approval belongs to the task.',
  approval_votes_approval_id_fk: ADD_TASK,
  vote_renewals_approval_id_fk: ADD_TASK,
};

/** Triggers of statements, and triggers that use tables of another group. */
export const TRIGGERS: Plans = {
  audit_events_append_only:
    'Citus creates triggers of rows only: refuse each row; TRUNCATE by privileges.',
  audit_events_no_update: 'Refuse each row.',
  audit_events_no_delete: 'Refuse each row.',
  audit_events_archived_only:
    'Read the archives of the log from a reference table, which each server has.',
};

const PASS_TASK = 'Read the task of the id before, and name it in the statement.';
const EACH_SHARD =
  'The sweep of each server handles its own shards, by a function that Citus runs on each of them.';
const ONE_SERVER = 'It holds on one server: all instances connect to the coordinator.';

/** Locks in statements that do not name one task. */
export const LOCKS: Plans = {
  'tasks/inbox.repository.ts lockNext':
    'A claim takes the oldest attempt of a role, whose tasks are on all servers: read candidates from all, then lock one by its task.',
  'approvals/approvals.repository.ts lock': PASS_TASK,
  'sessions/sessions.repository.ts loader': PASS_TASK,
  'lifecycle/lifecycle.repository.ts expireOne': PASS_TASK,
  'tasks/task-selections.repository.ts lockAttempts':
    'Lock task by task, in the order of their ids, in a distributed transaction.',
  'tasks/task-trees.repository.ts lockAll':
    'Lock task by task, in the order of their ids, in a distributed transaction.',
  'lifecycle/lifecycle.repository.ts expireOldest': EACH_SHARD,
  'approvals/approval-deadlines.repository.ts expire': EACH_SHARD,
  'approvals/approval-deadlines.repository.ts extend': EACH_SHARD,
  'sessions/attempt-timeouts.repository.ts lockLeaseEnded': EACH_SHARD,
  'sessions/attempt-timeouts.repository.ts lockPastRunLimit': EACH_SHARD,
  'sessions/attempt-timeouts.repository.ts lockPastDeadline': EACH_SHARD,
  'sessions/attempt-timeouts.repository.ts extendLeases': EACH_SHARD,
  'idempotency/idempotency-records.repository.ts deleteExpired': EACH_SHARD,
  'erasure/erased-events.repository.ts lockTables':
    'Stop the instances during an erasure, or lock the rows of the subject.',
  'webhooks/webhook-queue.repository.ts schedule':
    'Lock the webhooks in a statement of its own, then read their events.',
  'a2a/push-queue.repository.ts markChanged': EACH_SHARD,
  'a2a/push-queue.repository.ts markAll': EACH_SHARD,
  'a2a/push-queue.repository.ts claim': EACH_SHARD,
  'database/migrate.ts alone': ONE_SERVER,
  'audit-log/key-events.repository.ts lock': ONE_SERVER,
  'erasure/erased-events.repository.ts lock': ONE_SERVER,
  'audit-log/archive/log-archive.repository.ts tryLock': ONE_SERVER,
  'idempotency/idempotency-records.repository.ts tryLock': ONE_SERVER,
  'idempotency/idempotency-records.repository.ts queueLock': ONE_SERVER,
};

const COPY_EVENT =
  'The log needs the values of the event: the sequencer copies them to the coordinator when it numbers the event.';

/** Statements with tables of several groups. */
export const ACROSS_GROUPS: Plans = {
  'events/event-log.repository.ts number':
    'Transaction ids belong to one server: number the events of each server by its own snapshot, then merge.',
  'events/event-log.repository.ts backfill': COPY_EVENT,
  'events/event-log.repository.ts getLag': COPY_EVENT,
  'events/events.repository.ts list': COPY_EVENT,
  'events/events.repository.ts listShared': COPY_EVENT,
  'audit-log/audit-heads.repository.ts thin': COPY_EVENT,
  'audit-log/audit-log.repository.ts listRows': COPY_EVENT,
  'audit-log/audit-log.repository.ts findRow': COPY_EVENT,
  'audit-log/audit-log.repository.ts listOwnPositions': COPY_EVENT,
  'audit-log/audit-log.repository.ts listExplained': COPY_EVENT,
  'audit-log/audit-log.repository.ts listUnplaced': COPY_EVENT,
  'audit-log/audit-log.repository.ts getProgress': COPY_EVENT,
  'audit-log/event-seals.repository.ts list': COPY_EVENT,
  'audit-log/recovery/log-recovery.repository.ts append': COPY_EVENT,
  'audit-log/key-events.repository.ts list': COPY_EVENT,
  'audit-log/archives.repository.ts listRanges': COPY_EVENT,
  'audit-log/archives.repository.ts listKept': COPY_EVENT,
  'audit-log/archives.repository.ts isArchived': COPY_EVENT,
  'audit-log/archive/log-archive.repository.ts listMonthEnds': COPY_EVENT,
  'audit-log/archive/log-archive.repository.ts findEnd': COPY_EVENT,
  'audit-log/archive/log-archive.repository.ts findAnnounced': COPY_EVENT,
  'audit-log/archive/log-archive.repository.ts remove':
    'Delete the events by the ids that the log has, then move its end, in a distributed transaction.',
  'receipts/receipts.repository.ts isArchived':
    'Read the end of the archive in a statement of its own, and pass it as a parameter.',
  'receipts/receipts.repository.ts listEvents': COPY_EVENT,
  'webhooks/webhook-deliveries.repository.ts list': COPY_EVENT,
  'webhooks/webhook-deliveries.repository.ts replay': COPY_EVENT,
  'webhooks/webhook-deliveries.repository.ts positionBefore': COPY_EVENT,
  'webhooks/webhook-queue.repository.ts schedule': COPY_EVENT,
  'webhooks/webhook-queue.repository.ts listEvents': COPY_EVENT,
  'a2a/push-configs.repository.ts save':
    'Read the end of the log in a statement of its own, and pass it as a parameter.',
  'a2a/push-queue.repository.ts markChanged': COPY_EVENT,
  'a2a/push-queue.repository.ts listEvents': COPY_EVENT,
};
