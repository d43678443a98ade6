import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who did it, which attempt of the task it was, and the invariants that the lifecycle rests on. */
export class AddLifecycleAndActors1764000001000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE sessions
        ADD COLUMN version       integer NOT NULL DEFAULT 1,
        ADD COLUMN trace_id      uuid    NOT NULL DEFAULT gen_random_uuid(),
        ADD COLUMN created_by    text    NOT NULL DEFAULT 'unknown',
        ADD COLUMN attempt       integer,
        ADD COLUMN claimed_by    text,
        ADD COLUMN ended_reason  varchar(20),
        ADD COLUMN result        jsonb,
        ADD COLUMN error         text;
      -- What the rows of the first version lack.
      UPDATE sessions
         SET ended_reason = CASE status
               WHEN 'completed' THEN 'completed' WHEN 'failed' THEN 'worker' WHEN 'expired' THEN 'retention'
             END,
             task_id = (SELECT t.id FROM tasks t WHERE t.id = sessions.task_id);
      ALTER TABLE sessions
        ALTER COLUMN trace_id DROP DEFAULT,
        ALTER COLUMN created_by DROP DEFAULT,
        ADD CONSTRAINT sessions_task_id_fk FOREIGN KEY (task_id) REFERENCES tasks (id),
        ADD CONSTRAINT sessions_status_ck
          CHECK (status IN ('pending', 'active', 'completed', 'failed', 'expired')),
        ADD CONSTRAINT sessions_ended_reason_ck
          CHECK (ended_reason IN ('completed', 'worker', 'retention')),
        ADD CONSTRAINT sessions_ended_ck
          CHECK ((ended_reason IS NULL) = (status IN ('pending', 'active'))),
        ADD CONSTRAINT sessions_attempt_ck
          CHECK (attempt IS NULL OR (attempt >= 1 AND task_id IS NOT NULL));
      CREATE UNIQUE INDEX sessions_task_attempt_uq ON sessions (task_id, attempt);
      CREATE UNIQUE INDEX sessions_one_open_attempt_uq ON sessions (task_id)
        WHERE attempt IS NOT NULL AND status IN ('pending', 'active');

      ALTER TABLE tasks
        ADD COLUMN context     jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN created_by  text  NOT NULL DEFAULT 'unknown';
      ALTER TABLE tasks ALTER COLUMN created_by DROP DEFAULT;
      INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, attempt)
      SELECT gen_random_uuid(), to_role, id, 'pending', trace_id, created_by, 1 FROM tasks;

      ALTER TABLE approvals
        ADD COLUMN requested_by    text,
        ADD COLUMN requested_role  varchar(50),
        ADD COLUMN decided_by      text,
        ADD COLUMN reason          text NOT NULL DEFAULT '';
      UPDATE approvals SET decided_by = 'unknown' WHERE status IN ('approved', 'rejected');
      ALTER TABLE approvals
        ADD CONSTRAINT approvals_status_ck
          CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn')),
        ADD CONSTRAINT approvals_decided_ck
          CHECK ((status IN ('approved', 'rejected')) = (decided_by IS NOT NULL));
      CREATE UNIQUE INDEX approvals_one_pending_uq ON approvals (task_id, approver_role)
        WHERE status = 'pending';

      ALTER TABLE audit_events
        ADD COLUMN task_id      uuid,
        ADD COLUMN session_id   uuid,
        ADD COLUMN approval_id  uuid,
        ADD COLUMN actor        text NOT NULL DEFAULT 'unknown';
      ALTER TABLE audit_events ALTER COLUMN actor DROP DEFAULT;
      CREATE INDEX idx_audit_events_task_id ON audit_events (task_id);

      CREATE FUNCTION audit_events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
      CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();

      -- A task's status is that of its highest attempt.
      CREATE VIEW task_states AS
        SELECT t.id AS task_id, t.from_role, t.to_role, t.created_by, t.trace_id,
               a.id AS session_id, a.attempt, a.claimed_by, a.created_at AS attempt_created_at,
               a.status
          FROM tasks t
          JOIN LATERAL (
            SELECT s.* FROM sessions s
             WHERE s.task_id = t.id AND s.attempt IS NOT NULL
             ORDER BY s.attempt DESC LIMIT 1
          ) a ON true;

      -- Who takes part in a task: the role that asks, the role that is asked, every role named approver on it.
      CREATE VIEW task_participants AS
        SELECT id AS task_id, from_role AS role FROM tasks
        UNION SELECT id, to_role FROM tasks
        UNION SELECT task_id, approver_role FROM approvals;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP VIEW task_participants, task_states;
      DROP TRIGGER audit_events_append_only ON audit_events;
      DROP FUNCTION audit_events_refuse_change();
      DROP INDEX idx_audit_events_task_id;
      ALTER TABLE audit_events
        DROP COLUMN task_id, DROP COLUMN session_id, DROP COLUMN approval_id, DROP COLUMN actor;
      DROP INDEX approvals_one_pending_uq;
      ALTER TABLE approvals
        DROP CONSTRAINT approvals_decided_ck, DROP CONSTRAINT approvals_status_ck,
        DROP COLUMN requested_by, DROP COLUMN requested_role,
        DROP COLUMN decided_by, DROP COLUMN reason;
      ALTER TABLE tasks DROP COLUMN context, DROP COLUMN created_by;
      DROP INDEX sessions_one_open_attempt_uq, sessions_task_attempt_uq;
      ALTER TABLE sessions
        DROP CONSTRAINT sessions_attempt_ck, DROP CONSTRAINT sessions_ended_ck,
        DROP CONSTRAINT sessions_ended_reason_ck, DROP CONSTRAINT sessions_status_ck,
        DROP CONSTRAINT sessions_task_id_fk,
        DROP COLUMN version, DROP COLUMN trace_id, DROP COLUMN created_by, DROP COLUMN attempt,
        DROP COLUMN claimed_by, DROP COLUMN ended_reason, DROP COLUMN result, DROP COLUMN error;
    `);
  }
}
