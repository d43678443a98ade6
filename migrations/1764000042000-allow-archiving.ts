import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Lets the owner of the audit log delete events that are archived: entries of a sealed log that a signed event
 * `audit_archived` names. All other changes are refused as before. Events about the log itself are never deleted.
 */
export class AllowArchiving1764000042000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE audit_log ADD COLUMN archived_until timestamptz;

      CREATE FUNCTION audit_events_check_archived() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF OLD.event_type NOT IN ('data_erased', 'audit_archived') AND OLD.event_type NOT LIKE 'log\\_%'
           AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
           AND EXISTS (
             SELECT FROM event_log l
               JOIN audit_log g ON l.position >= g.first_position AND l.position < g.first_position + g.size
               JOIN audit_events a ON a.event_type = 'audit_archived' AND a.metadata ->> 'origin' = g.origin
                AND l.position - g.first_position
                    BETWEEN (a.metadata ->> 'from')::bigint AND (a.metadata ->> 'to')::bigint
               JOIN event_log p ON p.event_id = a.id
               JOIN audit_log s ON p.position >= s.first_position
               JOIN audit_heads h ON h.log = s.log AND h.size > p.position - s.first_position
              WHERE l.event_id = OLD.id) THEN
          RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
      DROP TRIGGER audit_events_append_only ON audit_events;
      CREATE TRIGGER audit_events_append_only BEFORE TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();
      CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
        FOR EACH STATEMENT WHEN (current_setting('agent_mesh.archiving', true) IS DISTINCT FROM 'on')
        EXECUTE FUNCTION audit_events_refuse_change();
      CREATE TRIGGER audit_events_archived_only BEFORE DELETE ON audit_events
        FOR EACH ROW EXECUTE FUNCTION audit_events_check_archived();
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP TRIGGER audit_events_archived_only ON audit_events;
      DROP TRIGGER audit_events_no_delete ON audit_events;
      DROP TRIGGER audit_events_append_only ON audit_events;
      CREATE TRIGGER audit_events_append_only BEFORE DELETE OR TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();
      DROP FUNCTION audit_events_check_archived();
      ALTER TABLE audit_log DROP COLUMN archived_until;
    `);
  }
}
