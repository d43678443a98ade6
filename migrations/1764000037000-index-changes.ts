import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Index for the tasks of a role by their last change, which the A2A operation ListTasks requires. An index that exists is
 * kept, so that on large tables it can be created before, with CREATE INDEX CONCURRENTLY: docs/operations/large-tables.md.
 */
export class IndexChanges1764000037000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE INDEX IF NOT EXISTS idx_sessions_changes
        ON sessions (role, from_role, updated_at, task_id) WHERE task_status IS NOT NULL;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP INDEX idx_sessions_changes`);
  }
}
