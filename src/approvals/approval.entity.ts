import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { ApprovalStatus } from './approval-status.js';

/** A decision that one role asks of another about a task. */
@Entity('approvals')
@Index('idx_approvals_task_id', ['task_id'])
@Index('idx_approvals_status', ['status'])
@Index('approvals_one_pending_uq', ['task_id', 'approver_role'], {
  unique: true,
  where: `status = 'pending'`,
})
@Check('approvals_status_ck', `status IN ('pending', 'approved', 'rejected', 'withdrawn')`)
@Check('approvals_decided_ck', `(status IN ('approved', 'rejected')) = (decided_by IS NOT NULL)`)
export class Approval {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'approvals_pkey' })
  id: string;

  @ForeignKey('Task', { name: 'approvals_task_id_fk', onDelete: 'CASCADE' })
  @Column({ type: 'uuid' })
  task_id: string;

  /** The only role that may decide. */
  @Column({ type: 'varchar', length: 50 })
  approver_role: string;

  @Column({ type: 'varchar', length: 20 })
  status: ApprovalStatus;

  @Column({ type: 'timestamptz', nullable: true })
  decision_at: Date | null;

  /** The decider's comments. */
  @Column({ type: 'text', default: '' })
  notes: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  created_at: Date;

  /** The subject that asked; null when the decision came without an ask, routing having been it. */
  @Column({ type: 'text', nullable: true })
  requested_by: string | null;

  /** The role that asked. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  requested_role: string | null;

  @Column({ type: 'text', nullable: true })
  decided_by: string | null;

  /** Why the approval is asked for. */
  @Column({ type: 'text', default: '' })
  reason: string;
}
