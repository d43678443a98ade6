import type { Client } from 'pg';

/** Number of roles of a grown table: `role_1` to `role_50`. */
const ROLES = 50;
/** Callers of the lists, by how much they can read, and their roles. */
export const ROLES_OF = {
  much: ['role_1'],
  little: ['little'],
  nothing: ['nothing'],
  several: ['role_2', 'role_5', 'role_20', 'role_50', 'little'],
  auditor: ['auditor'],
} as const satisfies Record<string, readonly string[]>;
export type Viewer = keyof typeof ROLES_OF;

/** Age of the oldest task. */
export const AGE_DAYS = 30;
/** Number of tasks of the role `little`, in tables of each size. */
const LITTLE = 30;

/** SQL for a role at random, by Zipf's law: `role_1` is on 18 % of all tasks, `role_50` on 0.5 %. */
const ZIPF = `'role_' || floor(exp(random() * ln(${ROLES + 1})))::integer`;

/** SQL for the subject that claimed a session: the caller of the role, if there is one. */
const CLAIMANT = `'agent-mesh-dev#' || CASE to_role WHEN 'role_1' THEN 'much' WHEN 'little' THEN 'little' WHEN 'role_5' THEN 'several' ELSE 'other' END`;

/**
 * Statements that fill the tables as a mesh of 50 roles leaves them: tasks over 30 days, most of them completed, one in
 * 20 with a second attempt, one in five with an approval, each with the audit events of its changes. `$1` is the number
 * of tasks. Triggers are off, so the columns and tables of the lists are empty: the migration that fills them runs after.
 */
const STATEMENTS = [
  `CREATE TEMPORARY TABLE grown AS
   SELECT n, uuidv7(make_interval(secs => -age)) AS id, now() - make_interval(secs => age) AS created_at, from_role,
          CASE WHEN n % ($1 / ${LITTLE}) = 0 THEN 'little' ELSE to_role END AS to_role, gen_random_uuid() AS trace_id,
          CASE WHEN age < 432000 AND u < 0.12 THEN 'pending' WHEN age < 432000 AND u < 0.18 THEN 'active'
               WHEN u < 0.93 THEN 'completed'
               WHEN u < 0.96 THEN 'failed' WHEN u < 0.97 THEN 'dead' WHEN u < 0.98 THEN 'cancelled'
               ELSE 'expired' END AS status,
          CASE n % 20 WHEN 0 THEN 2 ELSE 1 END AS attempts,
          CASE n % 100 WHEN 0 THEN 'rare' WHEN 1 THEN 'unusual' ELSE 'common' END AS task_type,
          CASE WHEN n % 5 = 0 THEN approver END AS approver,
          (n / 5) % 10 AS kind
     FROM (SELECT n, ${AGE_DAYS * 86_400}.0 * n / $1 AS age, random() AS u, ${ZIPF} AS from_role, ${ZIPF} AS to_role,
                  ${ZIPF} AS approver
             FROM generate_series(1, $1::integer) AS n) r`,
  `INSERT INTO tasks
     (id, task_type, description, from_role, to_role, data, trace_id, idempotency_key, created_by, created_at)
   SELECT id, task_type, 'A task of a table that has grown', from_role, to_role, '{"amount": 50000}', trace_id,
          gen_random_uuid(), 'bench', created_at FROM grown`,
  `INSERT INTO sessions
     (id, role, task_id, status, trace_id, created_by, created_at, updated_at, attempt, attempts_left, task_type,
      ended_reason, retryable, claimed_by, lease_expires_at)
   SELECT uuidv7(at - now()), to_role, id, s.status, trace_id, 'bench', at, at, a, 3 - a, task_type,
          CASE WHEN s.status IN ('pending', 'active') THEN NULL WHEN a < attempts THEN 'lease_lost'
               WHEN grown.status = 'cancelled' THEN 'cancelled' WHEN s.status = 'completed' THEN 'completed'
               WHEN s.status = 'expired' THEN 'deadline' ELSE 'worker' END,
          a < attempts OR grown.status = 'dead', CASE WHEN s.status <> 'pending' THEN ${CLAIMANT} END,
          CASE s.status WHEN 'active' THEN now() + interval '1 day' END
     FROM grown CROSS JOIN LATERAL generate_series(1, attempts) AS a
    CROSS JOIN LATERAL (SELECT created_at + make_interval(secs => (a - 1) * 60) AS at) t
    CROSS JOIN LATERAL (
      SELECT CASE WHEN a < attempts OR grown.status = 'dead' THEN 'failed' WHEN grown.status = 'cancelled' THEN 'expired'
                  ELSE grown.status END AS status) s`,
  `INSERT INTO approvals
     (id, task_id, approver_role, status, decision_at, created_at, requested_by, requested_role, decided_by, chain_id,
      stages, expires_at)
   SELECT id, id, approver, status, CASE WHEN status IN ('approved', 'rejected') THEN created_at END, created_at, 'bench',
          to_role, CASE WHEN status IN ('approved', 'rejected') THEN 'boss' END, id, ARRAY[approver],
          CASE status WHEN 'pending' THEN now() + interval '1 day' ELSE created_at END
     FROM (SELECT id, approver, to_role, created_at + interval '1 s' AS created_at,
                  (ARRAY['pending', 'rejected', 'expired', 'withdrawn'])[kind + 1] AS rare FROM grown
            WHERE approver IS NOT NULL) g
    CROSS JOIN LATERAL (SELECT coalesce(rare, 'approved') AS status) s`,
  `INSERT INTO audit_events
     (id, event_type, role, actor, timestamp, trace_id, task_id, approval_id, n)
   SELECT uuidv7(at - now()), type, actor, 'bench', at, trace_id, id, CASE WHEN type LIKE 'approval%' THEN id END, NULL
     FROM grown CROSS JOIN LATERAL (VALUES
            ('task_routed', from_role, 0), ('task_claimed', to_role, 5), ('session_transitioned', to_role, 10),
            (CASE WHEN approver IS NOT NULL THEN 'approval_requested' END, to_role, 6),
            (CASE WHEN approver IS NOT NULL THEN 'approval_decided' END, approver, 7),
            (CASE WHEN status = 'cancelled' THEN 'task_cancelled' END, from_role, 12)) AS e(type, actor, seconds)
    CROSS JOIN LATERAL (SELECT created_at + make_interval(secs => seconds) AS at) t
    WHERE type IS NOT NULL
    ORDER BY at`,
  `DROP TABLE grown`,
];

/** Fills the tables with so many tasks, and their sessions, approvals and audit events. */
export async function grow(client: Client, tasks: number): Promise<void> {
  await client.query('SET synchronous_commit = off; SET session_replication_role = replica');
  for (const statement of STATEMENTS) {
    await client.query(statement.includes('$1') ? withNumber(statement, tasks) : statement);
  }
  await client.query('RESET ALL; ANALYZE');
}

/** A statement that creates a table takes no parameters. */
function withNumber(statement: string, tasks: number): string {
  return statement.replaceAll('$1', String(tasks));
}
