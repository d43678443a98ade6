import { Check, Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { AuditLog } from './audit-log.entity.js';

/** A tile of a sealed log (C2SP tlog-tiles): up to 256 hashes of one level of the tree. The last one of a level grows. */
@Entity('audit_tiles')
@Check(
  'audit_tiles_hashes_ck',
  `octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0`,
)
export class AuditTile {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'audit_tiles_pkey' })
  log: number;

  @ManyToOne(() => AuditLog)
  @JoinColumn({ name: 'log', foreignKeyConstraintName: 'audit_tiles_log_fk' })
  auditLog?: AuditLog;

  /** 0: the hashes of entries; above: the roots of the full tiles of the level below. */
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'audit_tiles_pkey' })
  level: number;

  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'audit_tiles_pkey' })
  index: string;

  @Column({ type: 'bytea' })
  hashes: Buffer;
}
