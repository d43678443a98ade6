import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The sealed audit log: the salt of each audit event, the tiles of the tree over the events, and its signed heads.
 *
 * The table `audit_events` is not rewritten. The next migration adds the salts of the events that exist; events of
 * instances of the previous version receive theirs by the default of the column.
 */
export class CreateAuditLog1764000030000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE audit_events
        ADD COLUMN salt    uuid,
        ADD COLUMN erased  jsonb;
      ALTER TABLE audit_events
        ALTER COLUMN salt SET DEFAULT gen_random_uuid(),
        ADD CONSTRAINT audit_events_erased_ck
          CHECK ((erased IS NULL) = (salt IS NOT NULL) AND (erased IS NULL OR actor = 'erased')) NOT VALID;

      CREATE TABLE audit_log (
        log             integer      NOT NULL,
        origin          text         NOT NULL,
        first_position  bigint       NOT NULL,
        size            bigint       NOT NULL DEFAULT 0,
        root            bytea        NOT NULL,
        pruned          bigint       NOT NULL DEFAULT 0,
        sealed_at       timestamptz,
        CONSTRAINT audit_log_pkey PRIMARY KEY (log),
        CONSTRAINT audit_log_origin_uq UNIQUE (origin),
        CONSTRAINT audit_log_size_ck CHECK (first_position > 0 AND size >= 0 AND pruned BETWEEN 0 AND size),
        CONSTRAINT audit_log_root_ck CHECK (octet_length(root) = 32)
      );

      CREATE TABLE audit_tiles (
        log     integer   NOT NULL,
        level   smallint  NOT NULL,
        index   bigint    NOT NULL,
        hashes  bytea     NOT NULL,
        CONSTRAINT audit_tiles_pkey PRIMARY KEY (log, level, index),
        CONSTRAINT audit_tiles_log_fk FOREIGN KEY (log) REFERENCES audit_log (log),
        CONSTRAINT audit_tiles_hashes_ck
          CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0)
      );
      ALTER TABLE audit_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

      CREATE TABLE audit_heads (
        log         integer      NOT NULL,
        size        bigint       NOT NULL,
        root        bytea        NOT NULL,
        checkpoint  text         NOT NULL,
        signed_at   timestamptz  NOT NULL DEFAULT clock_timestamp(),
        sent        jsonb        NOT NULL DEFAULT '{}',
        CONSTRAINT audit_heads_pkey PRIMARY KEY (log, size),
        CONSTRAINT audit_heads_log_fk FOREIGN KEY (log) REFERENCES audit_log (log),
        CONSTRAINT audit_heads_root_ck CHECK (octet_length(root) = 32)
      );
      CREATE INDEX idx_audit_heads_signed_at ON audit_heads (signed_at);
    `);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DROP TABLE audit_heads, audit_tiles, audit_log;
      ALTER TABLE audit_events DROP COLUMN salt, DROP COLUMN erased;
    `);
  }
}
