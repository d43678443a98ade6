import { Check, Column, Entity, Generated, Index, PrimaryColumn } from 'typeorm';

/** A row of the audit log: a change with its actor, role and trace. Inserted in the transaction of the change. */
@Entity('audit_events')
@Index('idx_audit_events_trace_id', ['trace_id'])
@Index('idx_audit_events_timestamp', { synchronize: false }) // DESC, which TypeORM cannot express
@Index('idx_audit_events_event_type', ['event_type'])
@Index('idx_audit_events_task_id', ['task_id'])
@Index('idx_audit_events_from_role', ['from_role', 'event_type', 'timestamp', 'id'], {
  where: 'from_role IS NOT NULL',
})
@Index('idx_audit_events_to_role', ['to_role', 'event_type', 'timestamp', 'id'], {
  where: 'to_role IS NOT NULL',
})
@Index('idx_audit_events_type_timestamp', ['event_type', 'timestamp', 'id'])
@Index('idx_audit_events_role', ['role', 'timestamp', 'id'])
@Index('idx_audit_events_reported', ['actor', 'timestamp', 'id'], {
  where: `event_type LIKE 'agent.%'`,
})
@Index('idx_audit_events_n', ['n'], { where: 'n IS NOT NULL' })
@Index('idx_audit_events_tx', ['tx'], { where: 'tx IS NOT NULL' })
@Check(
  'audit_events_erased_ck',
  `(erased IS NULL) = (salt IS NOT NULL) AND (erased IS NULL OR actor = 'erased')`,
)
export class AuditEvent {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'audit_events_pkey' })
  id: string;

  @Column({ type: 'varchar', length: 50 })
  event_type: string;

  /** The acting role of the actor. */
  @Column({ type: 'varchar', length: 50 })
  role: string;

  @Column({ type: 'timestamptz', default: () => 'event_time()' })
  timestamp: Date;

  @Column({ type: 'uuid' })
  trace_id: string;

  @Column({ type: 'jsonb', default: {} })
  metadata: Record<string, unknown>;

  @Column({ type: 'uuid', nullable: true })
  task_id: string | null;

  @Column({ type: 'uuid', nullable: true })
  session_id: string | null;

  @Column({ type: 'uuid', nullable: true })
  approval_id: string | null;

  /** The subject that caused the event, or `system`. */
  @Column({ type: 'text' })
  actor: string;

  /** Requester role of the task, set by a trigger; null: no task, or from before the column. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  from_role: string | null;

  /** Assignee role of the task, set by a trigger; null: no task, or from before the column. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  to_role: string | null;

  /** Order in which events were inserted; null: from before the event log. Later commits can have lower values. */
  @Column({ type: 'bigint', nullable: true, default: () => 'next_event_n()' })
  n: string | null;

  /** The id of the transaction that inserted the event; null: from before the column. */
  @Column({ type: 'bigint', nullable: true, default: () => 'current_tx()' })
  tx: string | null;

  /** Salts the commitments of the event in the sealed log; null: the event was erased. */
  @Column({ type: 'uuid', nullable: true })
  @Generated('uuid')
  salt: string | null;

  /** The commitments of an erased event, by the name of the part; null: the event was not erased. */
  @Column({ type: 'jsonb', nullable: true })
  erased: Record<string, string> | null;
}
