import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The cosignatures of witnesses under the signed heads of the sealed audit log. */
export class AddCosignatures1764000039000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE audit_heads ADD COLUMN cosignatures jsonb NOT NULL DEFAULT '{}';
      CREATE INDEX idx_audit_heads_cosigned ON audit_heads (log, size) WHERE cosignatures <> '{}';
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE audit_heads DROP COLUMN cosignatures`);
  }
}
