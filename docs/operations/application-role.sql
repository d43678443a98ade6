-- What the controller may do in its database, and nothing else. Run it as the owner of the tables, after every
-- migration; it may be run again at any time. The role exists already: CREATE ROLE mesh_app LOGIN PASSWORD '…'
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

-- It reads all of it, the book of migrations too: whether one is missing.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO mesh_app;

-- The trail, the votes, the losses of roles and the roles seen are only added to.
GRANT INSERT ON audit_events, approval_votes, vote_renewals, role_losses, seen_roles TO mesh_app;

-- Of each subject only the latest roles are kept.
GRANT INSERT, UPDATE ON subject_roles TO mesh_app;

-- Work is added to and changed, never deleted.
GRANT INSERT, UPDATE ON sessions, approvals TO mesh_app;

-- A task stays as it was routed. Locking its row takes the right to update some column; the id is referred to by
-- every attempt, so that it cannot really be changed.
GRANT INSERT, UPDATE (id) ON tasks TO mesh_app;

-- Keys are forgotten when their time is over.
GRANT INSERT, UPDATE, DELETE ON idempotency_records TO mesh_app;

-- Each instance records that it is at work.
GRANT INSERT, UPDATE ON service_heartbeat TO mesh_app;

-- Retention of a task counts from its last approval.
GRANT EXECUTE ON FUNCTION last_approval_time(uuid) TO mesh_app;

COMMIT;
