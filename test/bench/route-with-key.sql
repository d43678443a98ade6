-- What POST /tasks/route with an Idempotency-Key comes to, in plain statements: the same rows in one transaction.
\set lock random(1, 9000000000000000000)
SELECT gen_random_uuid() AS task, gen_random_uuid() AS session, gen_random_uuid() AS trace,
       gen_random_uuid() AS key \gset
BEGIN;
SELECT pg_try_advisory_xact_lock(:lock);
SELECT *, expires_at <= clock_timestamp() AS expired FROM idempotency_records
 WHERE scope = decode(md5(:key), 'hex');
INSERT INTO tasks
  (id, task_type, description, from_role, to_role, data, context, trace_id, created_by,
   priority, deadline_at, max_attempts, parent_task_id, idempotency_key)
VALUES (:task::uuid, 'budget_approval', 'bench', 'finance', 'manager', '{"amount": 50000}', '{}', :trace::uuid,
        'issuer#bench', 'normal', NULL, 3, NULL, :key::uuid)
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
INSERT INTO idempotency_records
  (scope, fingerprint, caller, key, method, path, acting_role, response_status, response_body,
   resource_type, resource_id, generation, created_at, expires_at)
VALUES (decode(md5(:key), 'hex'), decode(md5(:key), 'hex'), 'issuer#bench', :key, 'POST', '/tasks/route', 'finance', 202,
        '{"task_id":"task-019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c","status":"accepted"}', 'task', :task::uuid, 1,
        clock_timestamp(), clock_timestamp() + interval '1 day');
END;
