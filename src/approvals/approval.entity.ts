import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { AgentKind } from '../auth/agent.js';
import type { ApproverKind } from './approver-kind.js';
import type { ApprovalStatus } from './approval-status.js';

/** A request for a decision of a role about a task. */
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
@Index('idx_approvals_created_at', ['created_at', 'id'])
@Index('idx_approvals_status_created_at', ['status', 'created_at', 'id'])
@Index('idx_approvals_approver_role', ['approver_role', 'created_at', 'id'])
@Index('idx_approvals_requested_by', ['requested_by', 'created_at', 'id'])
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

  /** The role that decides. */
  @Column({ type: 'varchar', length: 50 })
  approver_role: string;

  @Column({ type: 'varchar', length: 20 })
  status: ApprovalStatus;

  @Column({ type: 'timestamptz', nullable: true })
  decision_at: Date | null;

  /** The comments of the deciding vote. */
  @Column({ type: 'text', default: '' })
  notes: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  created_at: Date;

  /** The subject that requested the approval. Null if the assignee role decided without a request. */
  @Column({ type: 'text', nullable: true })
  requested_by: string | null;

  /** The requester role. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  requested_role: string | null;

  /** The subject of the deciding vote. */
  @Column({ type: 'text', nullable: true })
  decided_by: string | null;

  /** Why the approval is requested. */
  @Column({ type: 'text', default: '' })
  reason: string;

  /** The payload to approve. Null for approvals older than payloads, which cannot be consumed. */
  @Column({ type: 'jsonb', nullable: true })
  payload: Record<string, unknown> | null;

  /** SHA-256 of the payload in canonical JSON (RFC 8785), in hexadecimal. */
  @Column({ type: 'varchar', length: 64, nullable: true })
  digest: string | null;

  /** The number of subjects of the approver role that must approve. */
  @Column({ type: 'integer', default: 1 })
  quorum: number;

  /** The id of the approval of the first stage. */
  @Column({ type: 'uuid' })
  chain_id: string;

  /** The number of this stage, from 1. */
  @Column({ type: 'integer', default: 1 })
  stage: number;

  /** The approver roles of all stages, in order. */
  @Column({ type: 'varchar', length: 50, array: true })
  stages: string[];

  /** Until when the approval can be decided. Null if it was decided without a request. */
  @Column({ type: 'timestamptz', nullable: true })
  expires_at: Date | null;

  /** Until when the approval can be consumed. Set when the last stage is approved. */
  @Column({ type: 'timestamptz', nullable: true })
  consume_until: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  consumed_at: Date | null;

  @Column({ type: 'text', nullable: true })
  consumed_by: string | null;

  /** The approval that this one resubmits. */
  @ForeignKey('Approval', { name: 'approvals_supersedes_fk' })
  @Column({ type: 'uuid', nullable: true })
  supersedes: string | null;

  /** The role that delegated the decision. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  delegated_from: string | null;

  /** The approver role before an admin reassigned the decision. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  reassigned_from: string | null;

  /** The admin that reassigned the decision. */
  @Column({ type: 'text', nullable: true })
  reassigned_by: string | null;

  /** When the decision was reassigned. Earlier votes do not count. */
  @Column({ type: 'timestamptz', nullable: true })
  reassigned_at: Date | null;

  /** Time to decide each stage, in seconds. Null for approvals older than the column. */
  @Column({ type: 'integer', nullable: true })
  expires_in_seconds: number | null;

  /** The kind of approver that the request names, for each stage. */
  @Column({ type: 'varchar', length: 10, default: 'any' })
  requested_kind: ApproverKind;

  /** The kind of approver needed: `human` also if one of its roles is in `HUMAN_APPROVER_ROLES`. */
  @Column({ type: 'varchar', length: 10, default: 'any' })
  approver_kind: ApproverKind;

  /** The kind of the subject of the deciding vote. Null for decisions older than the column. */
  @Column({ type: 'varchar', length: 10, nullable: true })
  decided_by_kind: AgentKind | null;

  /** Whether it requests the repetition of an action for which an approval of the task was consumed. */
  @Column({ type: 'boolean', default: false })
  repeat: boolean;

  /** The number of the attempt in which it was consumed. */
  @Column({ type: 'integer', nullable: true })
  consumed_attempt: number | null;

  /** The session of that attempt. */
  @ForeignKey('Session', { name: 'approvals_consumed_session_id_fk' })
  @Column({ type: 'uuid', nullable: true })
  consumed_session_id: string | null;
}
