import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What approvals govern by: what was approved, how many have to agree, in which stages, until when, and its one use. */
export class GovernApprovals1764000004000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE tasks ADD COLUMN requires_approval jsonb;

      ALTER TABLE approvals
        ADD COLUMN payload         jsonb,
        ADD COLUMN digest          varchar(64),
        ADD COLUMN quorum          integer NOT NULL DEFAULT 1,
        ADD COLUMN chain_id        uuid,
        ADD COLUMN stage           integer NOT NULL DEFAULT 1,
        ADD COLUMN stages          varchar(50)[],
        ADD COLUMN expires_at      timestamptz,
        ADD COLUMN consume_until   timestamptz,
        ADD COLUMN consumed_at     timestamptz,
        ADD COLUMN consumed_by     text,
        ADD COLUMN supersedes      uuid,
        ADD COLUMN delegated_from  varchar(50);
      -- What was asked before can be decided for as long as if it were asked now. What it was about was not kept, so
      -- it cannot be consumed.
      UPDATE approvals SET chain_id = id, stages = ARRAY[approver_role];
      UPDATE approvals SET expires_at = now() + interval '72 hours' WHERE status = 'pending';
      ALTER TABLE approvals
        ALTER COLUMN chain_id SET NOT NULL,
        ALTER COLUMN stages SET NOT NULL,
        DROP CONSTRAINT approvals_status_ck,
        ADD CONSTRAINT approvals_status_ck
          CHECK (status IN ('pending', 'approved', 'rejected', 'expired', 'withdrawn')),
        ADD CONSTRAINT approvals_digest_ck CHECK ((payload IS NULL) = (digest IS NULL)),
        ADD CONSTRAINT approvals_quorum_ck CHECK (quorum BETWEEN 1 AND 20),
        ADD CONSTRAINT approvals_stage_ck CHECK (stage BETWEEN 1 AND cardinality(stages)),
        ADD CONSTRAINT approvals_expires_ck CHECK (status <> 'pending' OR expires_at IS NOT NULL),
        ADD CONSTRAINT approvals_consumed_ck CHECK (
          (consumed_at IS NULL) = (consumed_by IS NULL)
          AND (consumed_at IS NULL OR (status = 'approved' AND consumed_at <= consume_until))),
        ADD CONSTRAINT approvals_supersedes_fk FOREIGN KEY (supersedes) REFERENCES approvals (id);
      CREATE UNIQUE INDEX approvals_supersedes_uq ON approvals (supersedes) WHERE supersedes IS NOT NULL;
      DROP INDEX approvals_one_pending_uq;
      CREATE UNIQUE INDEX approvals_one_pending_uq ON approvals (task_id, approver_role, stage)
        WHERE status = 'pending';
      -- What the sweep looks for, and what a role has to decide.
      CREATE INDEX idx_approvals_expires_at ON approvals (expires_at) WHERE status = 'pending';
      CREATE INDEX idx_approvals_waiting ON approvals (approver_role, created_at DESC, id DESC)
        WHERE status = 'pending';

      CREATE TABLE approval_votes (
        approval_id  uuid         NOT NULL
                     CONSTRAINT approval_votes_approval_id_fk REFERENCES approvals (id) ON DELETE CASCADE,
        chain_id     uuid         NOT NULL,
        subject      text         NOT NULL,
        decision     varchar(20)  NOT NULL
                     CONSTRAINT approval_votes_decision_ck CHECK (decision IN ('approved', 'rejected')),
        notes        text         NOT NULL DEFAULT '',
        created_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT approval_votes_pkey PRIMARY KEY (approval_id, subject),
        -- One subject votes in one stage of a chain only.
        CONSTRAINT approval_votes_chain_subject_uq UNIQUE (chain_id, subject)
      );
      INSERT INTO approval_votes (approval_id, chain_id, subject, decision, notes, created_at)
      SELECT id, id, decided_by, status, notes, coalesce(decision_at, created_at) FROM approvals
       WHERE decided_by IS NOT NULL;

      -- Who hands a decision on still takes part in the task.
      CREATE OR REPLACE VIEW task_participants AS
        SELECT id AS task_id, from_role AS role FROM tasks
        UNION SELECT id, to_role FROM tasks
        UNION SELECT task_id, approver_role FROM approvals
        UNION SELECT task_id, delegated_from FROM approvals WHERE delegated_from IS NOT NULL;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE OR REPLACE VIEW task_participants AS
        SELECT id AS task_id, from_role AS role FROM tasks
        UNION SELECT id, to_role FROM tasks
        UNION SELECT task_id, approver_role FROM approvals;
      DROP TABLE approval_votes;
      DROP INDEX idx_approvals_waiting, idx_approvals_expires_at, approvals_one_pending_uq, approvals_supersedes_uq;
      -- The version before knows neither expired approvals nor two that are pending for one role.
      UPDATE approvals SET status = 'withdrawn' WHERE status = 'expired';
      UPDATE approvals SET status = 'withdrawn' WHERE status = 'pending' AND stage > 1;
      ALTER TABLE approvals
        DROP CONSTRAINT approvals_supersedes_fk, DROP CONSTRAINT approvals_consumed_ck,
        DROP CONSTRAINT approvals_expires_ck, DROP CONSTRAINT approvals_stage_ck,
        DROP CONSTRAINT approvals_quorum_ck, DROP CONSTRAINT approvals_digest_ck,
        DROP CONSTRAINT approvals_status_ck,
        ADD CONSTRAINT approvals_status_ck
          CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn')),
        DROP COLUMN payload, DROP COLUMN digest, DROP COLUMN quorum, DROP COLUMN chain_id,
        DROP COLUMN stage, DROP COLUMN stages, DROP COLUMN expires_at, DROP COLUMN consume_until,
        DROP COLUMN consumed_at, DROP COLUMN consumed_by, DROP COLUMN supersedes,
        DROP COLUMN delegated_from;
      CREATE UNIQUE INDEX approvals_one_pending_uq ON approvals (task_id, approver_role)
        WHERE status = 'pending';
      ALTER TABLE tasks DROP COLUMN requires_approval;
    `);
  }
}
