import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When any instance was last at work: after a gap nobody loses what ended in it. */
export class CreateServiceHeartbeat1764000008000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE service_heartbeat (
        id           smallint     CONSTRAINT service_heartbeat_pkey PRIMARY KEY,
        beat_at      timestamptz,
        grace_until  timestamptz,
        CONSTRAINT service_heartbeat_one_row_ck CHECK (id = 1)
      );
      INSERT INTO service_heartbeat (id) VALUES (1);
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE service_heartbeat`);
  }
}
