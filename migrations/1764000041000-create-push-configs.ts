import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Endpoints that receive the updates of one task of an A2A agent. */
export class CreatePushConfigs1764000041000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE push_configs (
        task_id     uuid          NOT NULL CONSTRAINT push_configs_task_id_fk REFERENCES tasks (id),
        owner       text          NOT NULL,
        id          varchar(128)  NOT NULL,
        to_role     varchar(50)   NOT NULL,
        roles       text[]        NOT NULL,
        url         text          NOT NULL,
        secret      bytea         NOT NULL,
        position    bigint        NOT NULL,
        is_changed  boolean       NOT NULL DEFAULT false,
        due_at      timestamptz   DEFAULT clock_timestamp(),
        attempts    integer       NOT NULL DEFAULT 0,
        version     integer       NOT NULL DEFAULT 1,
        created_at  timestamptz   NOT NULL DEFAULT clock_timestamp(),
        ended_at    timestamptz,
        CONSTRAINT push_configs_pkey PRIMARY KEY (task_id, owner, id),
        CONSTRAINT push_configs_ended_ck CHECK (ended_at IS NULL OR due_at IS NULL)
      );
      CREATE INDEX idx_push_configs_open ON push_configs (task_id) WHERE ended_at IS NULL;
      CREATE INDEX idx_push_configs_due_at ON push_configs (due_at) WHERE due_at IS NOT NULL;
      CREATE INDEX idx_push_configs_ended_at ON push_configs (ended_at) WHERE ended_at IS NOT NULL;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE push_configs`);
  }
}
