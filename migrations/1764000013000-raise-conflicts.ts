import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A statement raises a conflict with a concurrent transaction under an SQLSTATE of its own. */
export class RaiseConflicts1764000013000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      -- It never returns. The type of its result is text, so that an expression of any type can contain it by a cast.
      CREATE FUNCTION raise_conflict(cause text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'concurrent update, retried by the controller'
            USING ERRCODE = 'MC001', DETAIL = cause;
        END $$;
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP FUNCTION raise_conflict(text)`);
  }
}
