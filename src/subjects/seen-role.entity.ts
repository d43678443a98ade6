import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A role that a verified token has carried. */
@Entity('seen_roles')
export class SeenRole {
  @PrimaryColumn({ type: 'varchar', length: 50, primaryKeyConstraintName: 'seen_roles_pkey' })
  role: string;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  seen_at: Date;
}
