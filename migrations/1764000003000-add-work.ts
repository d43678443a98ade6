import type { MigrationInterface, QueryRunner } from 'typeorm';

/** LeasesService, retries, deadlines, priorities and lineage: what agents need to find work and not lose it. */
export class AddWork1764000003000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE tasks
        ADD COLUMN priority        varchar(10) NOT NULL DEFAULT 'normal',
        ADD COLUMN deadline_at     timestamptz,
        ADD COLUMN max_attempts    integer     NOT NULL DEFAULT 3,
        ADD COLUMN parent_task_id  uuid,
        ADD CONSTRAINT tasks_parent_task_id_fk FOREIGN KEY (parent_task_id) REFERENCES tasks (id),
        ADD CONSTRAINT tasks_priority_ck CHECK (priority IN ('low', 'normal', 'high')),
        ADD CONSTRAINT tasks_max_attempts_ck CHECK (max_attempts BETWEEN 1 AND 100);
      CREATE INDEX idx_tasks_parent_task_id ON tasks (parent_task_id) WHERE parent_task_id IS NOT NULL;

      ALTER TABLE sessions
        ADD COLUMN lease_expires_at  timestamptz,
        ADD COLUMN not_before        timestamptz,
        ADD COLUMN deadline_at       timestamptz,
        ADD COLUMN priority          smallint NOT NULL DEFAULT 1,
        ADD COLUMN attempts_left     integer,
        ADD COLUMN retryable         boolean,
        ADD CONSTRAINT sessions_priority_ck CHECK (priority BETWEEN 0 AND 2),
        ADD CONSTRAINT sessions_attempts_left_ck CHECK (attempts_left >= 0),
        DROP CONSTRAINT sessions_ended_reason_ck,
        ADD CONSTRAINT sessions_ended_reason_ck CHECK (ended_reason IN
          ('completed', 'worker', 'retention', 'lease_lost', 'deadline', 'cancelled', 'released'));
      UPDATE sessions SET attempts_left = 2 WHERE attempt IS NOT NULL;
      ALTER TABLE sessions
        ADD CONSTRAINT sessions_attempt_counts_ck CHECK ((attempt IS NULL) = (attempts_left IS NULL));

      -- What a role has to do, in the order in which it is done.
      CREATE INDEX idx_sessions_inbox ON sessions (role, priority DESC, created_at, id)
        WHERE attempt IS NOT NULL AND status = 'pending';
      -- What the sweep looks for.
      CREATE INDEX idx_sessions_lease ON sessions (lease_expires_at)
        WHERE attempt IS NOT NULL AND status = 'active';
      CREATE INDEX idx_sessions_deadline ON sessions (deadline_at)
        WHERE attempt IS NOT NULL AND status IN ('pending', 'active');
      CREATE INDEX idx_sessions_open_created_at ON sessions (created_at)
        WHERE status IN ('pending', 'active');

      DROP VIEW task_states;
      CREATE VIEW task_states AS
        SELECT t.id AS task_id, t.from_role, t.to_role, t.created_by, t.trace_id, t.parent_task_id,
               a.id AS session_id, a.attempt, a.claimed_by, a.created_at AS attempt_created_at,
               CASE
                 WHEN a.ended_reason = 'cancelled' THEN 'cancelled'
                 WHEN a.status = 'failed' AND a.retryable THEN 'dead'
                 ELSE a.status
               END::varchar(20) AS status
          FROM tasks t
          JOIN LATERAL (
            SELECT s.* FROM sessions s
             WHERE s.task_id = t.id AND s.attempt IS NOT NULL
             ORDER BY s.attempt DESC LIMIT 1
          ) a ON true;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP VIEW task_states;
      DROP INDEX idx_sessions_open_created_at, idx_sessions_deadline, idx_sessions_lease, idx_sessions_inbox;
      UPDATE sessions SET ended_reason = 'worker'
       WHERE ended_reason IN ('lease_lost', 'deadline', 'cancelled', 'released');
      ALTER TABLE sessions
        DROP CONSTRAINT sessions_attempt_counts_ck,
        DROP CONSTRAINT sessions_ended_reason_ck,
        ADD CONSTRAINT sessions_ended_reason_ck CHECK (ended_reason IN ('completed', 'worker', 'retention')),
        DROP COLUMN lease_expires_at, DROP COLUMN not_before, DROP COLUMN deadline_at,
        DROP COLUMN priority, DROP COLUMN attempts_left, DROP COLUMN retryable;
      DROP INDEX idx_tasks_parent_task_id;
      ALTER TABLE tasks
        DROP COLUMN priority, DROP COLUMN deadline_at, DROP COLUMN max_attempts, DROP COLUMN parent_task_id;
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
    `);
  }
}
