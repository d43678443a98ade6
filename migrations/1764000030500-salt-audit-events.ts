import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Number of events that one statement salts. */
const BATCH = 5_000;

/**
 * Gives the audit events that exist a salt each, in batches that commit one by one. Can be interrupted and run again.
 * Meanwhile a trigger for each row refuses all other changes of events, in place of the trigger for each statement.
 */
export class SaltAuditEvents1764000030500 implements MigrationInterface {
  readonly transaction = false;

  async up(db: QueryRunner): Promise<void> {
    await db.query(ALLOW_SALTS);
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const [range] = (await db.query(
        `SELECT max(id::text)::uuid AS last
           FROM (SELECT id FROM audit_events WHERE id > $1 ORDER BY id LIMIT ${BATCH}) r`,
        [after],
      )) as { last: string | null }[];
      if (!range?.last) break;
      await db.query(
        `UPDATE audit_events SET salt = gen_random_uuid()
          WHERE id > $1 AND id <= $2 AND salt IS NULL AND erased IS NULL`,
        [after, range.last],
      );
      after = range.last;
    }
    await db.query(REFUSE_ALL);
    await db.query(`ALTER TABLE audit_events VALIDATE CONSTRAINT audit_events_erased_ck`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE audit_events
        DROP CONSTRAINT audit_events_erased_ck,
        ADD CONSTRAINT audit_events_erased_ck
          CHECK ((erased IS NULL) = (salt IS NOT NULL) AND (erased IS NULL OR actor = 'erased')) NOT VALID`);
  }
}

/** One statement without parameters is one transaction: the table is protected by one of the triggers at any time. */
const ALLOW_SALTS = `
  DROP TRIGGER IF EXISTS audit_events_append_only ON audit_events;
  DROP TRIGGER IF EXISTS audit_events_unsalted_only ON audit_events;
  CREATE TRIGGER audit_events_append_only BEFORE DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();
  CREATE TRIGGER audit_events_unsalted_only BEFORE UPDATE ON audit_events
    FOR EACH ROW WHEN (NOT (OLD.salt IS NULL AND OLD.erased IS NULL
                            AND to_jsonb(NEW) - 'salt' = to_jsonb(OLD) - 'salt'))
    EXECUTE FUNCTION audit_events_refuse_change()`;

const REFUSE_ALL = `
  DROP TRIGGER audit_events_unsalted_only ON audit_events;
  DROP TRIGGER audit_events_append_only ON audit_events;
  CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change()`;
