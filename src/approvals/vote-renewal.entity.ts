import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import type { Decision } from './approval-status.js';

/** A repeated vote of a subject whose vote no longer counted, because it had lost the role. */
@Entity('vote_renewals')
@Check('vote_renewals_decision_ck', `decision IN ('approved', 'rejected')`)
export class VoteRenewal {
  @ForeignKey('Approval', { name: 'vote_renewals_approval_id_fk', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'vote_renewals_pkey' })
  approval_id: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'vote_renewals_pkey' })
  subject: string;

  @PrimaryColumn({
    type: 'timestamptz',
    default: () => 'clock_timestamp()',
    primaryKeyConstraintName: 'vote_renewals_pkey',
  })
  renewed_at: Date;

  @Column({ type: 'varchar', length: 20 })
  decision: Decision;

  @Column({ type: 'text', default: '' })
  notes: string;
}
