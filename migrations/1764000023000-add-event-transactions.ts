import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The transaction of each audit event, so that a reader that pages by cursor receives events of transactions that were
 * in progress when it read an earlier page.
 *
 * It does not rewrite `audit_events`: the events before it keep `tx` NULL, and their transactions have ended, since
 * ALTER TABLE waits for them. An event reads its time after its transaction has an id, also by default, so that the time
 * is not before a page that another transaction read without seeing that id.
 */
export class AddEventTransactions1764000023000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE FUNCTION current_tx() RETURNS bigint LANGUAGE sql VOLATILE AS
        'SELECT pg_current_xact_id()::text::bigint';
      CREATE FUNCTION event_time() RETURNS timestamptz LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_current_xact_id();
        RETURN clock_timestamp();
      END $$;
      ALTER TABLE audit_events ADD COLUMN tx bigint;
      ALTER TABLE audit_events
        ALTER COLUMN tx SET DEFAULT current_tx(),
        ALTER COLUMN timestamp SET DEFAULT event_time();
      CREATE INDEX idx_audit_events_tx ON audit_events (tx) WHERE tx IS NOT NULL;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP INDEX idx_audit_events_tx;
      ALTER TABLE audit_events ALTER COLUMN timestamp SET DEFAULT now();
      ALTER TABLE audit_events DROP COLUMN tx;
      DROP FUNCTION event_time();
      DROP FUNCTION current_tx();
    `);
  }
}
