import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Pauses of roles: no task of a paused role is claimed. Instances of the previous version ignore them. */
export class CreateRolePauses1764000027000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE role_pauses (
        role       varchar(50)   NOT NULL,
        reason     varchar(200)  NOT NULL,
        until      timestamptz,
        paused_by  text          NOT NULL,
        paused_at  timestamptz   NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT role_pauses_pkey PRIMARY KEY (role)
      );
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE role_pauses`);
  }
}
