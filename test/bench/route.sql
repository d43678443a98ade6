-- What POST /tasks/route comes to, in plain statements: the same rows in the same tables in one transaction.
BEGIN;
SELECT gen_random_uuid() AS task, gen_random_uuid() AS session, gen_random_uuid() AS trace \gset
INSERT INTO tasks
  (id, task_type, description, from_role, to_role, data, context, trace_id, created_by,
   priority, deadline_at, max_attempts, parent_task_id, idempotency_key)
VALUES (:task::uuid, 'budget_approval', 'bench', 'finance', 'manager', '{"amount": 50000}', '{}', :trace::uuid,
        'issuer#bench', 'normal', NULL, 3, NULL, gen_random_uuid())
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING *;
INSERT INTO sessions
  (id, role, task_id, status, metadata, trace_id, created_by, attempt, attempts_left, deadline_at, priority, not_before)
VALUES (:session::uuid, 'manager', :task::uuid, 'pending', '{}', :trace::uuid, 'issuer#bench', 1, 2, NULL, 1, NULL)
ON CONFLICT (id) DO NOTHING
RETURNING *;
INSERT INTO audit_events
  (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, metadata)
VALUES (gen_random_uuid(), 'task_routed', 'finance', 'issuer#bench', clock_timestamp(), :trace::uuid, :task::uuid,
        :session::uuid, NULL, '{"to_role": "manager", "task_type": "budget_approval", "attempt": 1, "version": 1}');
END;
