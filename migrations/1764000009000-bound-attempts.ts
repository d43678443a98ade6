import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What bounds an attempt and lets it wait: the length of its lease, its longest run, its place in line, its approval. */
export class BoundAttempts1764000009000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE tasks
        ADD COLUMN max_run_seconds  integer,
        ADD CONSTRAINT tasks_max_run_seconds_ck CHECK (max_run_seconds BETWEEN 30 AND 604800);

      ALTER TABLE sessions
        ADD COLUMN lease_seconds      integer,
        ADD COLUMN max_run_seconds    integer,
        ADD COLUMN run_until          timestamptz,
        ADD COLUMN queued_at          timestamptz,
        ADD COLUMN parked_for         uuid,
        ADD CONSTRAINT sessions_parked_for_fk FOREIGN KEY (parked_for) REFERENCES approvals (id),
        DROP CONSTRAINT sessions_ended_reason_ck,
        ADD CONSTRAINT sessions_ended_reason_ck CHECK (ended_reason IN
          ('completed', 'worker', 'retention', 'lease_lost', 'deadline', 'cancelled', 'released', 'run_limit'));

      -- Also of the attempts that an older version of the service opens beside a newer one.
      CREATE OR REPLACE FUNCTION sessions_set_task_type() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          SELECT t.task_type, t.max_run_seconds INTO NEW.task_type, NEW.max_run_seconds
            FROM tasks t WHERE t.id = NEW.task_id;
          RETURN NEW;
        END
      $$;

      -- A released attempt leaves its place in line to the next one.
      DROP INDEX idx_sessions_inbox, idx_sessions_inbox_of_type;
      CREATE INDEX idx_sessions_inbox
        ON sessions (role, (-priority), (coalesce(queued_at, created_at)), id)
        WHERE attempt IS NOT NULL AND status = 'pending';
      CREATE INDEX idx_sessions_inbox_of_type
        ON sessions (role, task_type, (-priority), (coalesce(queued_at, created_at)), id)
        WHERE attempt IS NOT NULL AND status = 'pending';
      -- What the sweep looks for; empty but for tasks with a limit.
      CREATE INDEX idx_sessions_run_until ON sessions (run_until)
        WHERE run_until IS NOT NULL AND status = 'active';
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP INDEX idx_sessions_run_until, idx_sessions_inbox_of_type, idx_sessions_inbox;
      CREATE INDEX idx_sessions_inbox ON sessions (role, (-priority), created_at, id)
        WHERE attempt IS NOT NULL AND status = 'pending';
      CREATE INDEX idx_sessions_inbox_of_type ON sessions (role, task_type, (-priority), created_at, id)
        WHERE attempt IS NOT NULL AND status = 'pending';
      CREATE OR REPLACE FUNCTION sessions_set_task_type() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.task_type := (SELECT t.task_type FROM tasks t WHERE t.id = NEW.task_id);
          RETURN NEW;
        END
      $$;
      UPDATE sessions SET ended_reason = 'lease_lost' WHERE ended_reason = 'run_limit';
      ALTER TABLE sessions
        DROP CONSTRAINT sessions_ended_reason_ck,
        ADD CONSTRAINT sessions_ended_reason_ck CHECK (ended_reason IN
          ('completed', 'worker', 'retention', 'lease_lost', 'deadline', 'cancelled', 'released')),
        DROP COLUMN lease_seconds, DROP COLUMN max_run_seconds, DROP COLUMN run_until,
        DROP COLUMN queued_at, DROP COLUMN parked_for;
      ALTER TABLE tasks DROP COLUMN max_run_seconds;
    `);
  }
}
