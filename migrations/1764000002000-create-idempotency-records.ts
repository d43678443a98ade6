import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What became of requests that carried a key: the truth that a retry is answered from. */
export class CreateIdempotencyRecords1764000002000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE idempotency_records (
        scope            bytea        CONSTRAINT idempotency_records_pkey PRIMARY KEY,
        fingerprint      bytea        NOT NULL,
        caller           text         NOT NULL,
        key              varchar(255) NOT NULL,
        method           varchar(10)  NOT NULL,
        path             text         NOT NULL,
        acting_role      varchar(50),
        response_status  smallint     NOT NULL,
        response_body    text         NOT NULL,
        resource_type    varchar(20),
        resource_id      uuid,
        generation       integer      NOT NULL,
        created_at       timestamptz  NOT NULL,
        expires_at       timestamptz  NOT NULL,
        CONSTRAINT idempotency_records_status_ck CHECK (response_status BETWEEN 200 AND 299)
      );
      CREATE INDEX idx_idempotency_records_caller_key ON idempotency_records (caller, key);
      CREATE INDEX idx_idempotency_records_expires_at ON idempotency_records (expires_at);
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE idempotency_records`);
  }
}
