import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  ...['tasks', 'sessions', 'approvals', 'audit_events'],
  ...['task_approvers', 'approver_sessions', 'approval_readers', 'audit_event_readers'],
];

/** Number of rows that one statement fills in. It locks them for some tenths of a second. */
const BATCH = 5_000;

/**
 * Fills the columns and tables of the lists for the rows that exist, in batches that commit one by one, and creates the
 * indexes of the lists. Can be interrupted and run again. An index that exists is kept, so that on large tables the
 * indexes can be created before, with CREATE INDEX CONCURRENTLY: docs/operations/large-tables.md.
 */
export class IndexLists1764000026000 implements MigrationInterface {
  readonly transaction = false;

  async up(db: QueryRunner): Promise<void> {
    await fill(db, 'sessions', ATTEMPTS);
    await db.query(NOT_LATEST);
    await db.query(APPROVERS);
    await db.query(APPROVAL_READERS);
    await fill(db, 'audit_events', EVENTS);
    for (const index of INDEXES) await db.query(`CREATE INDEX IF NOT EXISTS ${index}`);
    for (const table of TABLES) {
      // PostgreSQL reads a table that it has analyzed as empty from end to end, until it analyzes it again.
      const rows = (await db.query(`SELECT 1 FROM ${table} LIMIT 1`)) as unknown[];
      if (rows.length > 0) await db.query(`ANALYZE ${table}`);
    }
  }

  async down(db: QueryRunner): Promise<void> {
    const names = INDEXES.map((index) => index.split(' ')[0]).join(', ');
    await db.query(`DROP INDEX IF EXISTS ${names}`);
    await db.query(`
      TRUNCATE audit_event_readers, approval_readers, approver_sessions, task_approvers;
      UPDATE sessions SET queued_at = NULL WHERE attempt IS NOT NULL AND status = 'pending' AND queued_at > now()`);
  }
}

const INDEXES = [
  `idx_sessions_role_tasks ON sessions (role, task_status, task_created_at, task_id)
     WHERE task_status IS NOT NULL`,
  `idx_sessions_from_role_tasks ON sessions (from_role, task_status, task_created_at, task_id)
     WHERE task_status IS NOT NULL`,
  // The condition is always true. Without it PostgreSQL can choose this index for a claim, and sort all pending attempts.
  `idx_sessions_role ON sessions (role, status, created_at, id) WHERE version > 0`,
  `idx_sessions_from_role ON sessions (from_role, status, created_at, id) WHERE from_role IS NOT NULL`,
  `idx_sessions_roles ON sessions (from_role, role, created_at, id) WHERE from_role IS NOT NULL`,
  `idx_tasks_to_role_type ON tasks (to_role, task_type, created_at, id)`,
  `idx_tasks_from_role_type ON tasks (from_role, task_type, created_at, id)`,
  `idx_tasks_roles ON tasks (from_role, to_role, created_at, id)`,
  `idx_approvals_created_at ON approvals (created_at, id)`,
  `idx_approvals_status_created_at ON approvals (status, created_at, id)`,
  `idx_approvals_approver_role ON approvals (approver_role, created_at, id)`,
  `idx_approvals_requested_by ON approvals (requested_by, created_at, id)`,
  `idx_audit_events_from_role ON audit_events (from_role, event_type, timestamp, id) WHERE from_role IS NOT NULL`,
  `idx_audit_events_to_role ON audit_events (to_role, event_type, timestamp, id) WHERE to_role IS NOT NULL`,
  `idx_audit_events_type_timestamp ON audit_events (event_type, timestamp, id)`,
  `idx_audit_events_role ON audit_events (role, timestamp, id)`,
  `idx_audit_events_reported ON audit_events (actor, timestamp, id) WHERE event_type LIKE 'agent.%'`,
];

/** Runs a statement for one range of ids after the other, until the table ends. */
async function fill(db: QueryRunner, table: string, statement: string): Promise<void> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const [range] = (await db.query(
      `SELECT max(id::text)::uuid AS last FROM (SELECT id FROM ${table} WHERE id > $1 ORDER BY id LIMIT ${BATCH}) r`,
      [after],
    )) as { last: string | null }[];
    if (!range?.last) return;
    await db.query(statement, [after, range.last]);
    after = range.last;
  }
}

const ATTEMPTS = `
  UPDATE sessions s
     SET from_role = t.from_role,
         task_created_at = t.created_at,
         task_status =
           CASE WHEN s.attempt < (SELECT max(l.attempt) FROM sessions l WHERE l.task_id = s.task_id) THEN NULL
                WHEN s.ended_reason = 'cancelled' THEN 'cancelled'
                WHEN s.status = 'failed' AND s.retryable THEN 'dead'
                ELSE s.status END,
         queued_at = CASE WHEN s.status = 'pending' AND s.not_before > now() THEN s.not_before ELSE s.queued_at END
    FROM tasks t
   WHERE t.id = s.task_id AND s.id > $1 AND s.id <= $2 AND s.attempt IS NOT NULL AND s.from_role IS NULL`;

/** For attempts that were followed by another while their batch ran. */
const NOT_LATEST = `
  UPDATE sessions s SET task_status = NULL
   WHERE s.task_status IS NOT NULL
     AND EXISTS (SELECT FROM sessions l WHERE l.task_id = s.task_id AND l.attempt > s.attempt)`;

const APPROVERS = `
  WITH added AS (
    INSERT INTO task_approvers (task_id, role, task_created_at, task_status, task_type, from_role, to_role)
    SELECT DISTINCT t.id, p.role, t.created_at, s.task_status, t.task_type, t.from_role, t.to_role
      FROM approvals a JOIN tasks t ON t.id = a.task_id
      JOIN sessions s ON s.task_id = t.id AND s.task_status IS NOT NULL
     CROSS JOIN unnest(ARRAY[a.approver_role, a.delegated_from, a.reassigned_from]) AS p(role)
     WHERE p.role IS NOT NULL AND p.role NOT IN (t.from_role, t.to_role)
        ON CONFLICT DO NOTHING
    RETURNING task_id, role
  )
  INSERT INTO approver_sessions (role, created_at, session_id, session_role, status)
  SELECT p.role, s.created_at, s.id, s.role, s.status FROM added p JOIN sessions s ON s.task_id = p.task_id
   WHERE s.attempt IS NOT NULL
      ON CONFLICT DO NOTHING`;

const APPROVAL_READERS = `
  INSERT INTO approval_readers (role, created_at, approval_id, status, approver_role)
  SELECT p.role, a.created_at, a.id, a.status, a.approver_role
    FROM approvals a JOIN task_participants p ON p.task_id = a.task_id
      ON CONFLICT DO NOTHING`;

/** Audit events cannot be updated. */
const EVENTS = `
  INSERT INTO audit_event_readers (role, event_type, timestamp, event_id)
  SELECT p.role, e.event_type, e.timestamp, e.id
    FROM audit_events e CROSS JOIN LATERAL (
      SELECT r.role FROM tasks t CROSS JOIN unnest(ARRAY[t.from_role, t.to_role]) AS r(role)
       WHERE t.id = e.task_id AND e.from_role IS NULL
      UNION ALL SELECT a.role FROM task_approvers a WHERE a.task_id = e.task_id
    ) p
   WHERE e.id > $1 AND e.id <= $2 AND e.task_id IS NOT NULL
      ON CONFLICT DO NOTHING`;
