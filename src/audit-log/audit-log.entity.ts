import { Check, Column, Entity, PrimaryColumn, Unique } from 'typeorm';

/** A sealed log. The one with the highest number grows; the others ended when a lost log was continued. */
@Entity('audit_log')
@Unique('audit_log_origin_uq', ['origin'])
@Check('audit_log_size_ck', `first_position > 0 AND size >= 0 AND pruned BETWEEN 0 AND size`)
@Check('audit_log_root_ck', `octet_length(root) = 32`)
export class AuditLog {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'audit_log_pkey' })
  log: number;

  /** The name of the log in its heads. */
  @Column({ type: 'text' })
  origin: string;

  /** Position in the event log of entry 0. */
  @Column({ type: 'bigint' })
  first_position: string;

  /** Number of sealed entries. */
  @Column({ type: 'bigint', default: 0 })
  size: string;

  /** The root of the tree of this size (RFC 6962). */
  @Column({ type: 'bytea' })
  root: Buffer;

  /** Number of entries at the start that are archived. */
  @Column({ type: 'bigint', default: 0 })
  pruned: string;

  /** The latest time of an event that is archived and deleted; null: there is none. */
  @Column({ type: 'timestamptz', nullable: true })
  archived_until: Date | null;

  /** When the latest entries were sealed; null: the log is empty. */
  @Column({ type: 'timestamptz', nullable: true })
  sealed_at: Date | null;
}
