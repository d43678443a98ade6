import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Indexes for the sessions and tasks that a subject claimed. An index that exists is kept, so that on large tables the
 * indexes can be created before, with CREATE INDEX CONCURRENTLY: docs/operations/large-tables.md.
 */
export class IndexClaims1764000032000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE INDEX IF NOT EXISTS idx_sessions_claimed_by
        ON sessions (claimed_by, status, created_at, id) WHERE claimed_by IS NOT NULL;
      CREATE INDEX IF NOT EXISTS idx_sessions_claimed_by_tasks
        ON sessions (claimed_by, task_status, task_created_at, task_id)
        WHERE claimed_by IS NOT NULL AND task_status IS NOT NULL;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP INDEX idx_sessions_claimed_by, idx_sessions_claimed_by_tasks`);
  }
}
