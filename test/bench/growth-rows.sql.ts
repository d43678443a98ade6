/** Number of roles of a grown table: `role_1` to `role_50`. */
const ROLES = 50;
/** Age of the oldest task. */
export const AGE_DAYS = 30;
/** Number of tasks of the role `little`, in tables of each size. */
const LITTLE = 30;

/** SQL for a role at random, by Zipf's law: `role_1` is on 18 % of all tasks, `role_50` on 0.5 %. */
const ZIPF = `'role_' || floor(exp(random() * ln(${ROLES + 1})))::integer`;

/** SQL for the subject that claimed a session: the caller of the role, if there is one. */
const CLAIMANT = `'$2#' || CASE to_role WHEN 'role_1' THEN 'much' WHEN 'little' THEN 'little' WHEN 'role_5' THEN 'several' ELSE 'other' END`;

/** JSON of as many bytes as the facts of an event have. */
const FACTS = `'{"version":1,"from":"pending","to":"active","changed":["status"],"retryable":null,"lease_until":"2027-01-31T12:00:00.000Z","content":"2jmj7l5rSw0yVb/vlWAYkK/YBwk2jmj7l5rSw0yVb8w="}'`;

const DIGEST = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

/**
 * Statements that insert tasks over 30 days, most of them completed, one in 20 with a second attempt, one in five with an
 * approval, each with the audit events of its changes at their positions. `$1` is the number of tasks.
 */
export const ROWS = [
  `CREATE TEMPORARY TABLE grown AS
   SELECT r.*, now() - make_interval(secs => age) AS created_at, uuidv7(make_interval(secs => -age)) AS id,
          uuidv7(make_interval(secs => (attempts - 1) * 60 - age)) AS last_session_id,
          uuidv7(make_interval(secs => 6 - age)) AS approval_id
     FROM (SELECT n, ${AGE_DAYS * 86_400}.0 * n / $1 AS age, from_role,
                  CASE WHEN n % ($1 / ${LITTLE}) = 0 THEN 'little' ELSE to_role END AS to_role,
                  gen_random_uuid() AS trace_id, gen_random_uuid() AS idempotency_key,
                  CASE WHEN n <= $1 / 6 AND u < 0.12 THEN 'pending' WHEN n <= $1 / 6 AND u < 0.18 THEN 'active'
                       WHEN u < 0.93 THEN 'completed' WHEN u < 0.96 THEN 'failed' WHEN u < 0.97 THEN 'dead'
                       WHEN u < 0.98 THEN 'cancelled' ELSE 'expired' END AS status,
                  CASE n % 20 WHEN 0 THEN 2 ELSE 1 END AS attempts,
                  CASE n % 100 WHEN 0 THEN 'rare' WHEN 1 THEN 'unusual' ELSE 'common' END AS task_type,
                  CASE WHEN n % 5 = 0 THEN approver END AS approver,
                  coalesce((ARRAY['pending', 'rejected', 'expired', 'withdrawn'])[(n / 5) % 10 + 1], 'approved')
                    AS decision
             FROM (SELECT n, random() AS u, ${ZIPF} AS from_role, ${ZIPF} AS to_role, ${ZIPF} AS approver
                     FROM generate_series(1, $1::integer) AS n) z) r`,
  `INSERT INTO tasks
     (id, task_type, description, from_role, to_role, data, trace_id, idempotency_key, created_by, created_at)
   SELECT id, task_type, 'A task of a table that has grown', from_role, to_role, '{"amount": 50000}', trace_id,
          idempotency_key, 'bench', created_at FROM grown ORDER BY n DESC`,
  `INSERT INTO sessions
     (id, role, task_id, status, trace_id, created_by, created_at, updated_at, version, attempt, attempts_left, task_type,
      ended_reason, retryable, claimed_by, lease_expires_at, lease_seconds, result, error, from_role, task_created_at,
      task_status)
   SELECT CASE WHEN a = attempts THEN last_session_id ELSE uuidv7(at - now()) END, to_role, id, s.status, trace_id,
          'bench', at, at + interval '10 s', CASE s.status WHEN 'pending' THEN 1 WHEN 'active' THEN 2 ELSE 3 END, a, 3 - a,
          task_type,
          CASE WHEN s.status IN ('pending', 'active') THEN NULL WHEN a < attempts THEN 'lease_lost'
               WHEN grown.status = 'cancelled' THEN 'cancelled' WHEN s.status = 'completed' THEN 'completed'
               WHEN s.status = 'expired' THEN 'deadline' ELSE 'worker' END,
          CASE WHEN a < attempts OR grown.status = 'dead' THEN true WHEN s.status = 'failed' THEN false END,
          CASE WHEN s.status <> 'pending' THEN ${CLAIMANT} END,
          CASE s.status WHEN 'pending' THEN NULL WHEN 'active' THEN now() + interval '1 day' ELSE at + interval '5 min' END,
          CASE WHEN s.status <> 'pending' THEN 300 END,
          CASE s.status WHEN 'completed' THEN '{"approved": true}'::jsonb END,
          CASE s.status WHEN 'failed' THEN 'The attempt failed' END,
          from_role, created_at, CASE WHEN a = attempts THEN grown.status END
     FROM grown CROSS JOIN LATERAL generate_series(1, attempts) AS a
    CROSS JOIN LATERAL (SELECT created_at + make_interval(secs => (a - 1) * 60) AS at) t
    CROSS JOIN LATERAL (
      SELECT CASE WHEN a < attempts OR grown.status = 'dead' THEN 'failed' WHEN grown.status = 'cancelled' THEN 'expired'
                  ELSE grown.status END AS status) s
    ORDER BY n DESC, a`,
  `WITH routed AS (
     INSERT INTO tasks
       (id, task_type, description, from_role, to_role, data, trace_id, idempotency_key, created_by, created_at)
     SELECT uuidv7(make_interval(secs => n / 2.0 - 86400)), 'common', 'A task that is due later', 'role_50', 'scheduled', '{}',
            gen_random_uuid(), gen_random_uuid(), 'bench', now() - interval '1 day'
       FROM generate_series(1, $1 / 10) AS n
     RETURNING *
   )
   INSERT INTO sessions
     (id, role, task_id, status, trace_id, created_by, created_at, updated_at, attempt, attempts_left, task_type, not_before,
      queued_at, from_role, task_created_at, task_status)
   SELECT uuidv7(created_at - now()), to_role, id, 'pending', trace_id, 'bench', created_at, created_at, 1, 2, task_type,
          later, later, from_role, created_at, 'pending'
     FROM routed CROSS JOIN (SELECT now() + interval '1 day' AS later) d`,
  `INSERT INTO approvals
     (id, task_id, approver_role, status, decision_at, created_at, requested_by, requested_role, decided_by, decided_by_kind,
      reason, payload, digest, chain_id, stages, expires_at, expires_in_seconds, consume_until)
   SELECT approval_id, id, approver, decision, CASE WHEN decision IN ('approved', 'rejected', 'withdrawn') THEN at END, at,
          ${CLAIMANT}, to_role, CASE WHEN is_decided THEN 'boss' END, CASE WHEN is_decided THEN 'agent' END,
          'An amount above the limit', '{"amount": 50000}', '${DIGEST}', approval_id, ARRAY[approver],
          CASE decision WHEN 'pending' THEN now() + interval '1 day' ELSE at + interval '1 day' END, 86400,
          CASE decision WHEN 'approved' THEN at + interval '1 day' END
     FROM grown CROSS JOIN LATERAL (
            SELECT created_at + interval '6 s' AS at, decision IN ('approved', 'rejected') AS is_decided) d
    WHERE approver IS NOT NULL ORDER BY n DESC`,
  `INSERT INTO approval_votes (approval_id, chain_id, subject, decision, created_at, kind)
   SELECT approval_id, approval_id, 'boss', decision, created_at + interval '7 s', 'agent'
     FROM grown WHERE approver IS NOT NULL AND decision IN ('approved', 'rejected') ORDER BY n DESC`,
  `WITH event AS (
     INSERT INTO audit_events
       (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, metadata, from_role, to_role)
     SELECT uuidv7(at - now()), type, actor, 'bench', at, trace_id, id,
            CASE WHEN type NOT LIKE 'approval%' THEN last_session_id END,
            CASE WHEN type LIKE 'approval%' THEN approval_id END, ${FACTS}, from_role, to_role
       FROM grown CROSS JOIN LATERAL (VALUES
              ('task_routed', from_role, 0),
              (CASE WHEN attempts = 2 THEN 'attempt_opened' END, 'system', 60),
              (CASE WHEN approver IS NOT NULL THEN 'approval_requested' END, to_role, 61),
              (CASE WHEN approver IS NOT NULL AND decision <> 'pending' THEN 'approval_decided' END, approver, 62),
              (CASE WHEN status <> 'pending' THEN 'task_claimed' END, to_role, 65),
              (CASE WHEN status NOT IN ('pending', 'active', 'cancelled') THEN 'session_transitioned' END, to_role, 70),
              (CASE WHEN status = 'cancelled' THEN 'task_cancelled' END, from_role, 72)) AS e(type, actor, seconds)
      CROSS JOIN LATERAL (SELECT created_at + make_interval(secs => seconds) AS at) t
      WHERE type IS NOT NULL
      ORDER BY at
     RETURNING id, n
   ), numbered AS (
     INSERT INTO event_log (position, event_id)
     SELECT h.last_position + row_number() OVER (ORDER BY e.n), e.id FROM event e, event_log_head h
     RETURNING position
   )
   UPDATE event_log_head
      SET last_position = (SELECT max(position) FROM numbered), low_n = (SELECT max(n) FROM event),
          barrier_n = (SELECT max(n) FROM event), is_backfilled = true`,
];

/** Statements that insert the rows of the tables of the lists. */
export const LIST_ROWS = [
  `INSERT INTO task_approvers (task_id, role, task_created_at, task_status, task_type, from_role, to_role)
   SELECT id, approver, created_at, status, task_type, from_role, to_role
     FROM grown WHERE approver NOT IN (from_role, to_role)`,
  `INSERT INTO approver_sessions (role, created_at, session_id, session_role, status)
   SELECT p.role, s.created_at, s.id, s.role, s.status FROM task_approvers p JOIN sessions s ON s.task_id = p.task_id`,
  `INSERT INTO approval_readers (role, created_at, approval_id, status, approver_role)
   SELECT DISTINCT r.role, a.created_at, a.id, a.status, a.approver_role
     FROM grown g JOIN approvals a ON a.id = g.approval_id
    CROSS JOIN unnest(ARRAY[g.from_role, g.to_role, g.approver]) AS r(role)`,
  `INSERT INTO audit_event_readers (role, event_type, timestamp, event_id)
   SELECT p.role, e.event_type, e.timestamp, e.id FROM task_approvers p JOIN audit_events e ON e.task_id = p.task_id`,
  `DROP TABLE grown`,
];
