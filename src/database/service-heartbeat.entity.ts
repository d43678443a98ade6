import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** When the service was last at work, whichever instance of it; one row. */
@Entity('service_heartbeat')
@Check('service_heartbeat_one_row_ck', `id = 1`)
export class ServiceHeartbeat {
  @PrimaryColumn({ type: 'smallint', primaryKeyConstraintName: 'service_heartbeat_pkey' })
  id: number;

  /** The last heartbeat of any instance; null: there was none yet. */
  @Column({ type: 'timestamptz', nullable: true })
  beat_at: Date | null;

  /** The end of the grace period after the latest outage. */
  @Column({ type: 'timestamptz', nullable: true })
  grace_until: Date | null;
}
