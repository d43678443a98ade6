import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The columns and tables through which indexes serve the lists of a participant, and the triggers that set them. Instances
 * of the previous version insert through the same triggers. The next migration fills in the rows that exist.
 *
 * No table is rewritten.
 */
export class AddListColumns1764000025000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- In the order of requests, which else end in deadlocks with this migration.
      LOCK TABLE tasks, sessions, approvals, audit_events IN ACCESS EXCLUSIVE MODE;
      ALTER TABLE sessions
        ADD COLUMN from_role        varchar(50),
        ADD COLUMN task_created_at  timestamptz,
        ADD COLUMN task_status      varchar(20);
      ALTER TABLE audit_events
        ADD COLUMN from_role  varchar(50),
        ADD COLUMN to_role    varchar(50);

      -- Participants of a task other than its requester and its assignee.
      CREATE TABLE task_approvers (
        task_id          uuid         NOT NULL,
        role             varchar(50)  NOT NULL,
        task_created_at  timestamptz  NOT NULL,
        task_status      varchar(20)  NOT NULL,
        task_type        varchar(50)  NOT NULL,
        from_role        varchar(50)  NOT NULL,
        to_role          varchar(50)  NOT NULL,
        CONSTRAINT task_approvers_pkey PRIMARY KEY (task_id, role)
      );
      CREATE INDEX idx_task_approvers_status ON task_approvers (role, task_status, task_created_at, task_id);
      CREATE INDEX idx_task_approvers_type ON task_approvers (role, task_type, task_created_at, task_id);
      CREATE INDEX idx_task_approvers_from_role ON task_approvers (role, from_role, task_created_at, task_id);
      CREATE INDEX idx_task_approvers_to_role ON task_approvers (role, to_role, task_created_at, task_id);

      -- The attempts that a role of task_approvers can read.
      CREATE TABLE approver_sessions (
        role          varchar(50)  NOT NULL,
        created_at    timestamptz  NOT NULL,
        session_id    uuid         NOT NULL,
        session_role  varchar(50)  NOT NULL,
        status        varchar(20)  NOT NULL,
        CONSTRAINT approver_sessions_pkey PRIMARY KEY (role, created_at, session_id)
      );
      CREATE INDEX idx_approver_sessions_status
        ON approver_sessions (role, status, created_at, session_id);
      CREATE INDEX idx_approver_sessions_role
        ON approver_sessions (role, session_role, created_at, session_id);

      -- The approvals that each participant of their task can read.
      CREATE TABLE approval_readers (
        role           varchar(50)  NOT NULL,
        created_at     timestamptz  NOT NULL,
        approval_id    uuid         NOT NULL,
        status         varchar(20)  NOT NULL,
        approver_role  varchar(50)  NOT NULL,
        CONSTRAINT approval_readers_pkey PRIMARY KEY (role, created_at, approval_id)
      );
      CREATE INDEX idx_approval_readers_status
        ON approval_readers (role, status, created_at, approval_id);
      CREATE INDEX idx_approval_readers_approver
        ON approval_readers (role, approver_role, created_at, approval_id);

      -- The events that a role of task_approvers can read, and of events older than from_role, each participant.
      CREATE TABLE audit_event_readers (
        role        varchar(50)  NOT NULL,
        event_type  varchar(50)  NOT NULL,
        timestamp   timestamptz  NOT NULL,
        event_id    uuid         NOT NULL,
        CONSTRAINT audit_event_readers_pkey PRIMARY KEY (role, event_type, timestamp, event_id)
      );

      -- An attempt that is due later is queued by that time, behind all that are due.
      CREATE OR REPLACE FUNCTION sessions_set_task_type() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          SELECT t.task_type, t.max_run_seconds, t.from_role, t.created_at
            INTO NEW.task_type, NEW.max_run_seconds, NEW.from_role, NEW.task_created_at
            FROM tasks t WHERE t.id = NEW.task_id;
          IF NEW.not_before > clock_timestamp() THEN
            NEW.queued_at := NEW.not_before;
          END IF;
          NEW.task_status := NEW.status;
          IF NEW.attempt > 1 THEN
            UPDATE sessions SET task_status = NULL
             WHERE task_id = NEW.task_id AND attempt < NEW.attempt AND task_status IS NOT NULL;
            -- Waits for a transaction that adds an approver; the next statement sees it.
            PERFORM 1 FROM tasks t WHERE t.id = NEW.task_id FOR NO KEY UPDATE;
            INSERT INTO approver_sessions (role, created_at, session_id, session_role, status)
            SELECT p.role, NEW.created_at, NEW.id, NEW.role, NEW.status
              FROM task_approvers p WHERE p.task_id = NEW.task_id;
          END IF;
          RETURN NEW;
        END
      $$;

      -- Only the latest attempt of a task has it. The view task_states computes the same.
      CREATE FUNCTION sessions_set_task_status() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.task_status := CASE WHEN NEW.ended_reason = 'cancelled' THEN 'cancelled'
                                  WHEN NEW.status = 'failed' AND NEW.retryable THEN 'dead'
                                  ELSE NEW.status END;
          RETURN NEW;
        END
      $$;
      CREATE TRIGGER sessions_set_task_status BEFORE UPDATE OF status, ended_reason, retryable ON sessions
        FOR EACH ROW WHEN (NEW.task_status IS NOT NULL) EXECUTE FUNCTION sessions_set_task_status();

      CREATE FUNCTION sessions_set_queued_at() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.not_before > clock_timestamp() THEN
            NEW.queued_at := NEW.not_before;
          ELSIF NEW.queued_at > clock_timestamp() THEN
            NEW.queued_at := NULL;
          END IF;
          RETURN NEW;
        END
      $$;
      CREATE TRIGGER sessions_set_queued_at BEFORE UPDATE OF not_before ON sessions
        FOR EACH ROW WHEN (NEW.attempt IS NOT NULL) EXECUTE FUNCTION sessions_set_queued_at();

      -- All changes of the approvals of a task hold the lock of the task.
      CREATE FUNCTION approvals_add_readers() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO task_approvers
            (task_id, role, task_created_at, task_status, task_type, from_role, to_role)
          SELECT t.id, p.role, t.created_at, a.task_status, t.task_type, t.from_role, t.to_role
            FROM tasks t JOIN sessions a ON a.task_id = t.id AND a.task_status IS NOT NULL
           CROSS JOIN unnest(ARRAY[NEW.approver_role, NEW.delegated_from, NEW.reassigned_from]) AS p(role)
           WHERE t.id = NEW.task_id AND p.role IS NOT NULL AND p.role NOT IN (t.from_role, t.to_role)
              ON CONFLICT DO NOTHING;
          IF FOUND THEN
            INSERT INTO approver_sessions (role, created_at, session_id, session_role, status)
            SELECT p.role, s.created_at, s.id, s.role, s.status
              FROM task_approvers p JOIN sessions s ON s.task_id = p.task_id
             WHERE p.task_id = NEW.task_id AND s.attempt IS NOT NULL
               AND p.role IN (NEW.approver_role, NEW.delegated_from, NEW.reassigned_from)
                ON CONFLICT DO NOTHING;
            INSERT INTO approval_readers (role, created_at, approval_id, status, approver_role)
            SELECT p.role, a.created_at, a.id, a.status, a.approver_role
              FROM task_approvers p JOIN approvals a ON a.task_id = p.task_id
             WHERE p.task_id = NEW.task_id
               AND p.role IN (NEW.approver_role, NEW.delegated_from, NEW.reassigned_from)
                ON CONFLICT DO NOTHING;
          END IF;
          INSERT INTO approval_readers (role, created_at, approval_id, status, approver_role)
          SELECT p.role, NEW.created_at, NEW.id, NEW.status, NEW.approver_role
            FROM (SELECT from_role AS role FROM tasks WHERE id = NEW.task_id
                  UNION SELECT to_role FROM tasks WHERE id = NEW.task_id
                  UNION SELECT role FROM task_approvers WHERE task_id = NEW.task_id) p
              ON CONFLICT (role, created_at, approval_id) DO UPDATE
             SET status = EXCLUDED.status, approver_role = EXCLUDED.approver_role
           WHERE (approval_readers.status, approval_readers.approver_role)
                 <> (EXCLUDED.status, EXCLUDED.approver_role);
          RETURN NULL;
        END
      $$;
      CREATE TRIGGER approvals_add_readers
        AFTER INSERT OR UPDATE OF approver_role, delegated_from, reassigned_from, status ON approvals
        FOR EACH ROW EXECUTE FUNCTION approvals_add_readers();

      CREATE FUNCTION audit_events_set_readers() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          has_approvers boolean;
        BEGIN
          SELECT t.from_role, t.to_role, EXISTS (SELECT FROM task_approvers p WHERE p.task_id = t.id)
            INTO NEW.from_role, NEW.to_role, has_approvers
            FROM tasks t WHERE t.id = NEW.task_id;
          IF has_approvers THEN
            INSERT INTO audit_event_readers (role, event_type, timestamp, event_id)
            SELECT p.role, NEW.event_type, NEW.timestamp, NEW.id
              FROM task_approvers p WHERE p.task_id = NEW.task_id
                ON CONFLICT DO NOTHING;
            -- For its approvers, an event of an approval adds the earlier events of the task: those from before the
            -- approval, and those of transactions that were concurrent with it.
            INSERT INTO audit_event_readers (role, event_type, timestamp, event_id)
            SELECT p.role, e.event_type, e.timestamp, e.id
              FROM approvals a JOIN task_approvers p
                ON p.task_id = a.task_id AND p.role IN (a.approver_role, a.delegated_from, a.reassigned_from)
              JOIN audit_events e ON e.task_id = a.task_id
             WHERE a.id = NEW.approval_id
                ON CONFLICT DO NOTHING;
            -- Each change of a status records an event after it.
            UPDATE task_approvers p SET task_status = a.task_status
              FROM sessions a
             WHERE p.task_id = NEW.task_id AND a.task_id = NEW.task_id AND a.task_status <> p.task_status;
            UPDATE approver_sessions r SET status = s.status
              FROM task_approvers p JOIN sessions s ON s.task_id = p.task_id
             WHERE p.task_id = NEW.task_id
               AND (r.role, r.created_at, r.session_id) = (p.role, s.created_at, s.id) AND r.status <> s.status;
          END IF;
          RETURN NEW;
        END
      $$;
      CREATE TRIGGER audit_events_set_readers BEFORE INSERT ON audit_events
        FOR EACH ROW WHEN (NEW.task_id IS NOT NULL) EXECUTE FUNCTION audit_events_set_readers();

      -- The triggers run with the privileges of the instance: a role that can insert events can do what they do.
      DO $$
        DECLARE
          grantee text;
        BEGIN
          FOR grantee IN
            SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
              FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
             WHERE c.oid = 'audit_events'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
          LOOP
            EXECUTE format('GRANT SELECT, INSERT ON task_approvers, approver_sessions, approval_readers, '
                           'audit_event_readers TO %s', grantee);
            EXECUTE format('GRANT UPDATE (task_status) ON task_approvers TO %s', grantee);
            EXECUTE format('GRANT UPDATE (status) ON approver_sessions TO %s', grantee);
            EXECUTE format('GRANT UPDATE (status, approver_role) ON approval_readers TO %s', grantee);
          END LOOP;
        END
      $$;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      -- In the order of requests, which else end in deadlocks with this migration.
      LOCK TABLE tasks, sessions, approvals, audit_events IN ACCESS EXCLUSIVE MODE;
      DROP TRIGGER audit_events_set_readers ON audit_events;
      DROP FUNCTION audit_events_set_readers();
      DROP TRIGGER approvals_add_readers ON approvals;
      DROP FUNCTION approvals_add_readers();
      DROP TRIGGER sessions_set_task_status ON sessions;
      DROP FUNCTION sessions_set_task_status();
      DROP TRIGGER sessions_set_queued_at ON sessions;
      DROP FUNCTION sessions_set_queued_at();
      CREATE OR REPLACE FUNCTION sessions_set_task_type() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          SELECT t.task_type, t.max_run_seconds INTO NEW.task_type, NEW.max_run_seconds
            FROM tasks t WHERE t.id = NEW.task_id;
          RETURN NEW;
        END
      $$;
      DROP TABLE audit_event_readers, approval_readers, approver_sessions, task_approvers;
      ALTER TABLE audit_events DROP COLUMN from_role, DROP COLUMN to_role;
      ALTER TABLE sessions DROP COLUMN from_role, DROP COLUMN task_created_at, DROP COLUMN task_status;
    `);
  }
}
