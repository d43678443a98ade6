import { Entity, PrimaryColumn } from 'typeorm';

/** A role that a subject lost: a newer token of the subject did not carry it. */
@Entity('role_losses')
export class RoleLoss {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'role_losses_pkey' })
  subject: string;

  @PrimaryColumn({ type: 'varchar', length: 50, primaryKeyConstraintName: 'role_losses_pkey' })
  role: string;

  /** When the controller recorded the loss, by PostgreSQL's clock. */
  @PrimaryColumn({
    type: 'timestamptz',
    default: () => 'clock_timestamp()',
    primaryKeyConstraintName: 'role_losses_pkey',
  })
  lost_at: Date;
}
