import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The pause of a role: until it ends, no task of the role is claimed. A row whose `until` has passed has no effect. */
@Entity('role_pauses')
export class RolePause {
  @PrimaryColumn({ type: 'varchar', length: 50, primaryKeyConstraintName: 'role_pauses_pkey' })
  role: string;

  @Column({ type: 'varchar', length: 200 })
  reason: string;

  /** End of the pause; null: when it is resumed. */
  @Column({ type: 'timestamptz', nullable: true })
  until: Date | null;

  /** The subject that paused the role. */
  @Column({ type: 'text' })
  paused_by: string;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  paused_at: Date;
}
