import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Webhook endpoints, the deliveries of events to them, and the attempts of each delivery. */
export class CreateWebhooks1764000024000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE webhooks (
        id                uuid         NOT NULL,
        url               text         NOT NULL,
        types             text[]       NOT NULL,
        role              varchar(50),
        task_id           uuid,
        description       text         NOT NULL DEFAULT '',
        status            varchar(20)  NOT NULL DEFAULT 'enabled',
        secret            bytea        NOT NULL,
        old_secret        bytea,
        old_secret_until  timestamptz,
        after_position    bigint       NOT NULL,
        failures          integer      NOT NULL DEFAULT 0,
        failing_since     timestamptz,
        version           integer      NOT NULL DEFAULT 1,
        created_by        text         NOT NULL,
        created_at        timestamptz  NOT NULL DEFAULT clock_timestamp(),
        updated_at        timestamptz  NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT webhooks_pkey PRIMARY KEY (id),
        CONSTRAINT webhooks_status_ck CHECK (status IN ('enabled', 'disabled', 'disabled_failing', 'gone')),
        CONSTRAINT webhooks_old_secret_ck CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
      );

      CREATE TABLE webhook_deliveries (
        webhook_id       uuid         NOT NULL
                         CONSTRAINT webhook_deliveries_webhook_id_fk REFERENCES webhooks (id) ON DELETE CASCADE,
        position         bigint       NOT NULL,
        event_id         uuid         NOT NULL,
        task_id          uuid,
        status           varchar(20)  NOT NULL DEFAULT 'pending',
        attempts         integer      NOT NULL DEFAULT 0,
        next_attempt_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
        sending_until    timestamptz,
        created_at       timestamptz  NOT NULL DEFAULT clock_timestamp(),
        ended_at         timestamptz,
        CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (webhook_id, position),
        CONSTRAINT webhook_deliveries_status_ck CHECK (status IN ('pending', 'delivered', 'failed')),
        CONSTRAINT webhook_deliveries_ended_ck CHECK ((ended_at IS NULL) = (status = 'pending'))
      );
      CREATE INDEX idx_webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at, position)
        WHERE status = 'pending';
      CREATE INDEX idx_webhook_deliveries_task ON webhook_deliveries (webhook_id, task_id, position)
        WHERE status = 'pending' AND task_id IS NOT NULL;
      CREATE INDEX idx_webhook_deliveries_ended_at ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

      CREATE TABLE webhook_attempts (
        webhook_id   uuid         NOT NULL,
        position     bigint       NOT NULL,
        started_at   timestamptz  NOT NULL,
        duration_ms  integer      NOT NULL,
        status       smallint,
        error        varchar(30),
        response     text         NOT NULL DEFAULT '',
        CONSTRAINT webhook_attempts_pkey PRIMARY KEY (webhook_id, position, started_at),
        CONSTRAINT webhook_attempts_delivery_fk FOREIGN KEY (webhook_id, position)
          REFERENCES webhook_deliveries (webhook_id, position) ON DELETE CASCADE
      );
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE webhook_attempts, webhook_deliveries, webhooks`);
  }
}
