import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The id of the deployment. It keeps deployments apart that share a Redis. */
export class CreateDeployment1764000021000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE deployment (
        id             smallint  CONSTRAINT deployment_pkey PRIMARY KEY,
        deployment_id  uuid      NOT NULL,
        CONSTRAINT deployment_one_row_ck CHECK (id = 1)
      );
      INSERT INTO deployment (id, deployment_id) VALUES (1, gen_random_uuid());
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE deployment`);
  }
}
