import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The roles of the newest token of each subject, when a subject lost a role, and which roles were ever seen. */
export class RememberSubjectRoles1764000012000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE subject_roles (
        subject    text         NOT NULL,
        roles      text[]       NOT NULL,
        issued_at  timestamptz  NOT NULL,
        CONSTRAINT subject_roles_pkey PRIMARY KEY (subject)
      );

      CREATE TABLE role_losses (
        subject  text         NOT NULL,
        role     varchar(50)  NOT NULL,
        lost_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT role_losses_pkey PRIMARY KEY (subject, role, lost_at)
      );

      -- Votes are only added to: what a subject says again, after it lost and regained the role, stands beside them.
      CREATE TABLE vote_renewals (
        approval_id  uuid         NOT NULL
                     CONSTRAINT vote_renewals_approval_id_fk REFERENCES approvals (id) ON DELETE CASCADE,
        subject      text         NOT NULL,
        decision     varchar(20)  NOT NULL
                     CONSTRAINT vote_renewals_decision_ck CHECK (decision IN ('approved', 'rejected')),
        notes        text         NOT NULL DEFAULT '',
        renewed_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT vote_renewals_pkey PRIMARY KEY (approval_id, subject, renewed_at)
      );

      CREATE TABLE seen_roles (
        role     varchar(50)  NOT NULL,
        seen_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT seen_roles_pkey PRIMARY KEY (role)
      );
      -- Roles whose agents have claimed or routed before this table was there.
      INSERT INTO seen_roles (role)
        SELECT role FROM sessions WHERE claimed_by IS NOT NULL
        UNION SELECT from_role FROM tasks;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE seen_roles, vote_renewals, role_losses, subject_roles`);
  }
}
