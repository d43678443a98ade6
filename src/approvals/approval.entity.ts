import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { AgentKind } from '../auth/agent.js';
import type { ApproverKind } from './approver-kind.js';
import type { ApprovalStatus } from './approval-status.js';

/** A decision that one role asks of another about a task. */
@Entity('approvals')
@Index('idx_approvals_task_id', ['task_id'])
@Index('idx_approvals_status', ['status'])
@Index('approvals_one_pending_uq', ['task_id', 'approver_role', 'stage'], {
  unique: true,
  where: `status = 'pending'`,
})
@Index('approvals_supersedes_uq', ['supersedes'], {
  unique: true,
  where: `supersedes IS NOT NULL`,
})
@Index('idx_approvals_expires_at', ['expires_at'], { where: `status = 'pending'` })
@Index('idx_approvals_waiting', ['approver_role', 'created_at', 'id'], {
  where: `status = 'pending'`,
})
@Check(
  'approvals_status_ck',
  `status IN ('pending', 'approved', 'rejected', 'expired', 'withdrawn')`,
)
@Check('approvals_decided_ck', `(status IN ('approved', 'rejected')) = (decided_by IS NOT NULL)`)
@Check('approvals_digest_ck', `(payload IS NULL) = (digest IS NULL)`)
@Check('approvals_quorum_ck', `quorum BETWEEN 1 AND 20`)
@Check('approvals_stage_ck', `stage BETWEEN 1 AND cardinality(stages)`)
@Check('approvals_requested_kind_ck', `requested_kind IN ('any', 'human')`)
@Check('approvals_approver_kind_ck', `approver_kind IN ('any', 'human')`)
@Check('approvals_decided_by_kind_ck', `decided_by_kind IN ('human', 'agent')`)
@Check(
  'approvals_consumed_by_attempt_ck',
  `consumed_at IS NOT NULL OR (consumed_attempt IS NULL AND consumed_session_id IS NULL)`,
)
@Check('approvals_expires_ck', `status <> 'pending' OR expires_at IS NOT NULL`)
@Check(
  'approvals_reassigned_ck',
  `(reassigned_from IS NULL) = (reassigned_at IS NULL)
   AND (reassigned_by IS NULL) = (reassigned_at IS NULL)`,
)
@Check(
  'approvals_consumed_ck',
  `(consumed_at IS NULL) = (consumed_by IS NULL)
   AND (consumed_at IS NULL OR (status = 'approved' AND consumed_at <= consume_until))`,
)
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

  /** The comments of whoever gave the vote that decided. */
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

  /** The subject whose vote decided. */
  @Column({ type: 'text', nullable: true })
  decided_by: string | null;

  /** Why the approval is asked for. */
  @Column({ type: 'text', default: '' })
  reason: string;

  /** What is to be approved; null for approvals older than payloads, which cannot be consumed. */
  @Column({ type: 'jsonb', nullable: true })
  payload: Record<string, unknown> | null;

  /** SHA-256 of the payload in the canonical JSON of RFC 8785, in hex. */
  @Column({ type: 'varchar', length: 64, nullable: true })
  digest: string | null;

  /** How many subjects of the approver role have to approve. */
  @Column({ type: 'integer', default: 1 })
  quorum: number;

  /** The approval of the first stage: its own id there. */
  @Column({ type: 'uuid' })
  chain_id: string;

  /** Which of the stages this is, from 1. */
  @Column({ type: 'integer', default: 1 })
  stage: number;

  /** The roles asked one after the other, this one among them. */
  @Column({ type: 'varchar', length: 50, array: true })
  stages: string[];

  /** The last moment to decide; null when the decision came without an ask. */
  @Column({ type: 'timestamptz', nullable: true })
  expires_at: Date | null;

  /** The last moment to use what the last stage approved. */
  @Column({ type: 'timestamptz', nullable: true })
  consume_until: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  consumed_at: Date | null;

  @Column({ type: 'text', nullable: true })
  consumed_by: string | null;

  /** The approval that came to nothing and is asked for anew with this one. */
  @ForeignKey('Approval', { name: 'approvals_supersedes_fk' })
  @Column({ type: 'uuid', nullable: true })
  supersedes: string | null;

  /** The role that was asked first, if it handed the decision on. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  delegated_from: string | null;

  /** The role that an admin took the decision from, if one did. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  reassigned_from: string | null;

  /** The admin that reassigned the decision. */
  @Column({ type: 'text', nullable: true })
  reassigned_by: string | null;

  /** When it was reassigned; votes from before do not count. */
  @Column({ type: 'timestamptz', nullable: true })
  reassigned_at: Date | null;

  /** How long each stage can be decided, in seconds; null of approvals older than the column. */
  @Column({ type: 'integer', nullable: true })
  expires_in_seconds: number | null;

  /** The kind of approver asked for, in each stage. */
  @Column({ type: 'varchar', length: 10, default: 'any' })
  requested_kind: ApproverKind;

  /** The kind of approver needed: a human also where one of the roles is in `HUMAN_APPROVER_ROLES`. */
  @Column({ type: 'varchar', length: 10, default: 'any' })
  approver_kind: ApproverKind;

  /** The kind of the subject whose vote decided; null of decisions older than the column. */
  @Column({ type: 'varchar', length: 10, nullable: true })
  decided_by_kind: AgentKind | null;

  /** Whether it asks for an act that an approval of the task was consumed for before. */
  @Column({ type: 'boolean', default: false })
  repeat: boolean;

  /** The number of the attempt that it was consumed in. */
  @Column({ type: 'integer', nullable: true })
  consumed_attempt: number | null;

  /** The session of that attempt. */
  @ForeignKey('Session', { name: 'approvals_consumed_session_id_fk' })
  @Column({ type: 'uuid', nullable: true })
  consumed_session_id: string | null;
}
