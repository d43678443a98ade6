import { Check, Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';
import type { AgentKind } from '../auth/agent.js';
import type { Decision } from './approval-status.js';

/** The vote of a subject on an approval. */
@Entity('approval_votes')
@Unique('approval_votes_chain_subject_uq', ['chain_id', 'subject'])
@Check('approval_votes_decision_ck', `decision IN ('approved', 'rejected')`)
@Check('approval_votes_kind_ck', `kind IN ('human', 'agent')`)
export class ApprovalVote {
  @ForeignKey('Approval', { name: 'approval_votes_approval_id_fk', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'approval_votes_pkey' })
  approval_id: string;

  /** A subject can vote in one stage of a chain only. */
  @Column({ type: 'uuid' })
  chain_id: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'approval_votes_pkey' })
  subject: string;

  @Column({ type: 'varchar', length: 20 })
  decision: Decision;

  @Column({ type: 'text', default: '' })
  notes: string;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  created_at: Date;

  /** Null for votes older than the column. */
  @Column({ type: 'varchar', length: 10, nullable: true })
  kind: AgentKind | null;
}
