import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The type of its task on every attempt that is open, so that work of a type is found without reading all the others. */
export class TypeAttempts1764000005000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE sessions ADD COLUMN task_type varchar(50);

      -- Nobody else sets it, so that an older version of the service beside a newer one does no harm.
      CREATE FUNCTION sessions_set_task_type() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.task_type := (SELECT t.task_type FROM tasks t WHERE t.id = NEW.task_id);
          RETURN NEW;
        END
      $$;
      CREATE TRIGGER sessions_set_task_type BEFORE INSERT ON sessions
        FOR EACH ROW WHEN (NEW.attempt IS NOT NULL) EXECUTE FUNCTION sessions_set_task_type();

      -- What has ended needs none; it may be most of the table.
      UPDATE sessions s SET task_type = t.task_type
        FROM tasks t
       WHERE t.id = s.task_id AND s.attempt IS NOT NULL AND s.status IN ('pending', 'active');
      ALTER TABLE sessions ADD CONSTRAINT sessions_task_type_ck
        CHECK (attempt IS NULL OR status NOT IN ('pending', 'active') OR task_type IS NOT NULL);

      -- All in one direction, so that what comes after a row of the inbox is one range of the index.
      DROP INDEX idx_sessions_inbox;
      CREATE INDEX idx_sessions_inbox ON sessions (role, (-priority), created_at, id)
        WHERE attempt IS NOT NULL AND status = 'pending';
      CREATE INDEX idx_sessions_inbox_of_type ON sessions (role, task_type, (-priority), created_at, id)
        WHERE attempt IS NOT NULL AND status = 'pending';
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP INDEX idx_sessions_inbox_of_type, idx_sessions_inbox;
      CREATE INDEX idx_sessions_inbox ON sessions (role, priority DESC, created_at, id)
        WHERE attempt IS NOT NULL AND status = 'pending';
      DROP TRIGGER sessions_set_task_type ON sessions;
      DROP FUNCTION sessions_set_task_type();
      ALTER TABLE sessions DROP COLUMN task_type;
    `);
  }
}
