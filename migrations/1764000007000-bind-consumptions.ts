import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Approvals keep what was asked of them (for how long, of which kind of approver, whether it repeats), who decided, and
 * the attempt that consumed them.
 */
export class BindConsumptions1764000007000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE approvals
        ADD COLUMN expires_in_seconds integer,
        ADD COLUMN requested_kind varchar(10) NOT NULL DEFAULT 'any',
        ADD COLUMN approver_kind varchar(10) NOT NULL DEFAULT 'any',
        ADD COLUMN decided_by_kind varchar(10),
        ADD COLUMN repeat boolean NOT NULL DEFAULT false,
        ADD COLUMN consumed_attempt integer,
        ADD COLUMN consumed_session_id uuid,
        ADD CONSTRAINT approvals_requested_kind_ck CHECK (requested_kind IN ('any', 'human')),
        ADD CONSTRAINT approvals_approver_kind_ck CHECK (approver_kind IN ('any', 'human')),
        ADD CONSTRAINT approvals_decided_by_kind_ck CHECK (decided_by_kind IN ('human', 'agent')),
        ADD CONSTRAINT approvals_consumed_by_attempt_ck
          CHECK (consumed_at IS NOT NULL OR (consumed_attempt IS NULL AND consumed_session_id IS NULL)),
        ADD CONSTRAINT approvals_consumed_session_id_fk
          FOREIGN KEY (consumed_session_id) REFERENCES sessions (id);
      ALTER TABLE approval_votes
        ADD COLUMN kind varchar(10),
        ADD CONSTRAINT approval_votes_kind_ck CHECK (kind IN ('human', 'agent'));
      -- A function, for the planner does not inline it: a claim keeps the plan that it has without approvals.
      CREATE FUNCTION last_approval_time(task uuid) RETURNS timestamptz
        LANGUAGE sql STABLE PARALLEL SAFE COST 1
        BEGIN ATOMIC
          SELECT max(coalesce(a.decision_at, a.expires_at)) FROM approvals a WHERE a.task_id = task;
        END;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP FUNCTION last_approval_time(uuid);
      ALTER TABLE approval_votes DROP COLUMN kind;
      ALTER TABLE approvals
        DROP COLUMN consumed_session_id, DROP COLUMN consumed_attempt, DROP COLUMN repeat,
        DROP COLUMN decided_by_kind, DROP COLUMN approver_kind, DROP COLUMN requested_kind,
        DROP COLUMN expires_in_seconds;
    `);
  }
}
