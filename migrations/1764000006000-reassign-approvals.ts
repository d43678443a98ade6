import type { MigrationInterface, QueryRunner } from 'typeorm';

/** From which role, by which admin and when a decision was reassigned: votes from before do not count. */
export class ReassignApprovals1764000006000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE approvals
        ADD COLUMN reassigned_from  varchar(50),
        ADD COLUMN reassigned_by    text,
        ADD COLUMN reassigned_at    timestamptz,
        ADD CONSTRAINT approvals_reassigned_ck CHECK (
          (reassigned_from IS NULL) = (reassigned_at IS NULL)
          AND (reassigned_by IS NULL) = (reassigned_at IS NULL));

      -- The role that a decision was taken from can still read the task.
      CREATE OR REPLACE VIEW task_participants AS
        SELECT id AS task_id, from_role AS role FROM tasks
        UNION SELECT id, to_role FROM tasks
        UNION SELECT task_id, approver_role FROM approvals
        UNION SELECT task_id, delegated_from FROM approvals WHERE delegated_from IS NOT NULL
        UNION SELECT task_id, reassigned_from FROM approvals WHERE reassigned_from IS NOT NULL;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE OR REPLACE VIEW task_participants AS
        SELECT id AS task_id, from_role AS role FROM tasks
        UNION SELECT id, to_role FROM tasks
        UNION SELECT task_id, approver_role FROM approvals
        UNION SELECT task_id, delegated_from FROM approvals WHERE delegated_from IS NOT NULL;
      ALTER TABLE approvals
        DROP CONSTRAINT approvals_reassigned_ck,
        DROP COLUMN reassigned_from, DROP COLUMN reassigned_by, DROP COLUMN reassigned_at;
    `);
  }
}
