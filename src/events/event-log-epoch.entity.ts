import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A time since which one database cluster numbers events. */
@Entity('event_log_epochs')
export class EventLogEpoch {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'event_log_epochs_pkey' })
  epoch: number;

  /** The last position that this cluster has from earlier epochs. Later positions of those epochs are lost. */
  @Column({ type: 'bigint' })
  after_position: string;

  /** System identifier and timeline of the cluster. */
  @Column({ type: 'text' })
  origin: string;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  started_at: Date;
}
