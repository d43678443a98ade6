import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The span that routed a task, so that the trace continues in its worker. */
export class AddTraceparent1764000038000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('ALTER TABLE tasks ADD COLUMN traceparent varchar(55)');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('ALTER TABLE tasks DROP COLUMN traceparent');
  }
}
