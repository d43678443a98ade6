import { Entity, PrimaryColumn } from 'typeorm';

/** That a subject lost a role: a newer token of it came without the role. */
@Entity('role_losses')
export class RoleLoss {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'role_losses_pkey' })
  subject: string;

  @PrimaryColumn({ type: 'varchar', length: 50, primaryKeyConstraintName: 'role_losses_pkey' })
  role: string;

  /** When the controller learned of it, by PostgreSQL's clock. */
  @PrimaryColumn({
    type: 'timestamptz',
    default: () => 'clock_timestamp()',
    primaryKeyConstraintName: 'role_losses_pkey',
  })
  lost_at: Date;
}
