import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { AuditLog } from './audit-log.entity.js';

/** A signed head of a sealed log. */
@Entity('audit_heads')
@Index('idx_audit_heads_signed_at', ['signed_at'])
@Index('idx_audit_heads_cosigned', ['log', 'size'], { where: `cosignatures <> '{}'::jsonb` })
@Check('audit_heads_root_ck', `octet_length(root) = 32`)
export class AuditHead {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'audit_heads_pkey' })
  log: number;

  @ManyToOne(() => AuditLog)
  @JoinColumn({ name: 'log', foreignKeyConstraintName: 'audit_heads_log_fk' })
  auditLog?: AuditLog;

  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'audit_heads_pkey' })
  size: string;

  @Column({ type: 'bytea' })
  root: Buffer;

  /** The signed note (C2SP tlog-checkpoint). */
  @Column({ type: 'text' })
  checkpoint: string;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  signed_at: Date;

  /** The anchors that have the head, by name, with their time and their answer. */
  @Column({ type: 'jsonb', default: {} })
  sent: Record<string, SentHead>;

  /** The lines of the cosignatures of witnesses, by their verifier keys. */
  @Column({ type: 'jsonb', default: {} })
  cosignatures: Record<string, string>;
}

/** The record of one anchor. */
export interface SentHead {
  at: string;
  /** The whole answer of a time stamping authority, in base64 (RFC 3161). */
  timestamp?: string;
}
