import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Lets the owner of the audit log erase the personal parts of an event, once, and change nothing else. All other changes
 * are refused as before.
 */
export class AllowErasure1764000035000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE FUNCTION audit_events_check_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF OLD.erased IS NULL AND NEW.erased ? 'actor' AND NEW.salt IS NULL AND NEW.actor = 'erased'
           AND (NEW.metadata = '{}' OR (OLD.metadata @> NEW.metadata
                AND NEW.metadata ?& ARRAY(SELECT k FROM jsonb_object_keys(OLD.metadata) k
                                           WHERE k NOT IN ('told', 'digest', 'discarded_votes', 'paused_by'))))
           AND to_jsonb(NEW) - ARRAY['erased', 'salt', 'actor', 'metadata']
               = to_jsonb(OLD) - ARRAY['erased', 'salt', 'actor', 'metadata']
           AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
          RETURN NEW;
        END IF;
        RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
      END $$;
      DROP TRIGGER audit_events_append_only ON audit_events;
      CREATE TRIGGER audit_events_append_only BEFORE DELETE OR TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();
      CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
        FOR EACH STATEMENT WHEN (current_setting('agent_mesh.erasing', true) IS DISTINCT FROM 'on')
        EXECUTE FUNCTION audit_events_refuse_change();
      CREATE TRIGGER audit_events_erase_only BEFORE UPDATE ON audit_events
        FOR EACH ROW EXECUTE FUNCTION audit_events_check_erasure();
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP TRIGGER audit_events_erase_only ON audit_events;
      DROP TRIGGER audit_events_no_update ON audit_events;
      DROP TRIGGER audit_events_append_only ON audit_events;
      CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse_change();
      DROP FUNCTION audit_events_check_erasure();
    `);
  }
}
