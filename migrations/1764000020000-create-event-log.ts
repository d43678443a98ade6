import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The event log: every committed audit event at a position, 1, 2, 3 and so on without gaps.
 *
 * Events of instances of the previous version also receive `n`, by the default of the column. The migration does not
 * rewrite `audit_events`; events from before it keep `n` NULL, and the sequencer numbers them first.
 */
export class CreateEventLog1764000020000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE SEQUENCE audit_events_n_seq;
      ALTER TABLE audit_events ADD COLUMN n bigint;
      -- A transaction has its id before its first n. The sequencer relies on it.
      CREATE FUNCTION next_event_n() RETURNS bigint LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_current_xact_id();
        RETURN nextval('audit_events_n_seq');
      END $$;
      ALTER TABLE audit_events ALTER COLUMN n SET DEFAULT next_event_n();
      ALTER SEQUENCE audit_events_n_seq OWNED BY audit_events.n;
      -- Instances of the previous version insert events with the privileges that they have.
      GRANT USAGE, SELECT ON SEQUENCE audit_events_n_seq TO PUBLIC;
      CREATE INDEX idx_audit_events_n ON audit_events (n) WHERE n IS NOT NULL;

      CREATE TABLE event_log (
        position  bigint  NOT NULL,
        event_id  uuid    NOT NULL,
        CONSTRAINT event_log_pkey PRIMARY KEY (position),
        CONSTRAINT event_log_event_id_uq UNIQUE (event_id),
        CONSTRAINT event_log_position_ck CHECK (position > 0)
      );
      CREATE FUNCTION event_log_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'event_log is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
      CREATE TRIGGER event_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_log
        FOR EACH STATEMENT EXECUTE FUNCTION event_log_refuse_change();

      CREATE TABLE event_log_head (
        id               smallint     NOT NULL DEFAULT 1,
        last_position    bigint       NOT NULL DEFAULT 0,
        epoch            integer      NOT NULL DEFAULT 1,
        origin           text,
        low_n            bigint       NOT NULL DEFAULT 0,
        barrier_n        bigint       NOT NULL DEFAULT 0,
        barrier_tx       bigint       NOT NULL DEFAULT 0,
        is_backfilled    boolean      NOT NULL DEFAULT false,
        backfilled_at    timestamptz  NOT NULL DEFAULT '-infinity',
        backfilled_id    uuid         NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
        CONSTRAINT event_log_head_pkey PRIMARY KEY (id),
        CONSTRAINT event_log_head_one_row_ck CHECK (id = 1)
      );
      INSERT INTO event_log_head DEFAULT VALUES;

      CREATE TABLE event_log_epochs (
        epoch           integer      NOT NULL,
        after_position  bigint       NOT NULL,
        origin          text         NOT NULL,
        started_at      timestamptz  NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT event_log_epochs_pkey PRIMARY KEY (epoch)
      );
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP TABLE event_log_epochs, event_log_head, event_log;
      DROP FUNCTION event_log_refuse_change();
      DROP INDEX idx_audit_events_n;
      ALTER TABLE audit_events DROP COLUMN n;
      DROP FUNCTION next_event_n();
    `);
  }
}
