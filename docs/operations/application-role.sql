-- Grants mesh_app the privileges that the controller requires, and no other. Run it as the owner of the tables, after
-- every migration. It can be run again at any time. Create the role first: CREATE ROLE mesh_app LOGIN PASSWORD '…'
BEGIN;

DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC, mesh_app', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO mesh_app', current_database());
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC, mesh_app;
GRANT USAGE ON SCHEMA public TO mesh_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, mesh_app;
REVOKE ALL ON ALL ROUTINES IN SCHEMA public FROM PUBLIC, mesh_app;

-- Read all tables. The controller reads the table of migrations to find missing ones.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO mesh_app;

-- The audit log, votes, lost roles and seen roles are append-only.
GRANT INSERT ON approval_votes, vote_renewals, role_losses, seen_roles TO mesh_app;
-- Of an audit event, only what the controller writes: not its order, its transaction, its readers or its erasure.
GRANT INSERT (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, metadata, salt)
  ON audit_events TO mesh_app;

-- The event log is append-only; its head moves. Events receive their order from a sequence.
GRANT INSERT ON event_log, event_log_epochs TO mesh_app;
GRANT UPDATE ON event_log_head TO mesh_app;
GRANT USAGE, SELECT ON SEQUENCE audit_events_n_seq TO mesh_app;
GRANT EXECUTE ON FUNCTION next_event_n(), event_time(), current_tx() TO mesh_app;

-- The sealed log: tiles grow, and heads record where they were sent and who cosigned them.
GRANT INSERT ON audit_log, audit_tiles, audit_heads TO mesh_app;
GRANT UPDATE (size, root, sealed_at) ON audit_log TO mesh_app;
GRANT UPDATE (hashes) ON audit_tiles TO mesh_app;
GRANT UPDATE (sent, cosignatures), DELETE ON audit_heads TO mesh_app;

-- One row for each subject, with its latest roles.
GRANT INSERT, UPDATE ON subject_roles TO mesh_app;

-- Sessions and approvals are inserted and changed, never deleted.
GRANT INSERT, UPDATE ON sessions, approvals TO mesh_app;

-- Triggers record which roles can read a task through an approval, with the privileges of the controller.
GRANT INSERT ON task_approvers, approver_sessions, approval_readers, audit_event_readers TO mesh_app;
GRANT UPDATE (task_status) ON task_approvers TO mesh_app;
GRANT UPDATE (status) ON approver_sessions TO mesh_app;
GRANT UPDATE (status, approver_role) ON approval_readers TO mesh_app;

-- Tasks never change. To lock a row requires UPDATE on a column; foreign keys of the attempts protect the id.
GRANT INSERT, UPDATE (id) ON tasks TO mesh_app;

-- Pauses of roles are changed, and deleted when the role is resumed.
GRANT INSERT, UPDATE, DELETE ON role_pauses TO mesh_app;

-- Webhooks are changed and deleted; old deliveries are deleted with their attempts.
GRANT INSERT, UPDATE, DELETE ON webhooks, webhook_deliveries, webhook_attempts TO mesh_app;

-- Push notification configurations are changed and deleted.
GRANT INSERT, UPDATE, DELETE ON push_configs TO mesh_app;

-- Expired idempotency records are deleted.
GRANT INSERT, UPDATE, DELETE ON idempotency_records TO mesh_app;

-- Each instance records its heartbeat.
GRANT INSERT, UPDATE ON service_heartbeat TO mesh_app;

-- The retention of a task counts from its last approval.
GRANT EXECUTE ON FUNCTION last_approval_time(uuid) TO mesh_app;

-- A statement that conflicts with a concurrent transaction fails with this function.
GRANT EXECUTE ON FUNCTION raise_conflict(text) TO mesh_app;

COMMIT;
