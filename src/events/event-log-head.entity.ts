import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The end of the event log and the progress of the sequencer; one row. */
@Entity('event_log_head')
@Check('event_log_head_one_row_ck', `id = 1`)
export class EventLogHead {
  @PrimaryColumn({
    type: 'smallint',
    default: 1,
    primaryKeyConstraintName: 'event_log_head_pkey',
  })
  id: number;

  /** The position of the latest event; 0: the log is empty. */
  @Column({ type: 'bigint', default: 0 })
  last_position: string;

  /** Increases when the database was restored or failed over, since events can be lost then. */
  @Column({ type: 'integer', default: 1 })
  epoch: number;

  /** System identifier and timeline of the cluster that numbered the latest events. */
  @Column({ type: 'text', nullable: true })
  origin: string | null;

  /** All events with this `n` or a lower one have positions. */
  @Column({ type: 'bigint', default: 0 })
  low_n: string;

  /** The next value of `low_n`, as soon as all transactions before `barrier_tx` have ended. */
  @Column({ type: 'bigint', default: 0 })
  barrier_n: string;

  @Column({ type: 'bigint', default: 0 })
  barrier_tx: string;

  /** Whether the events from before the log have positions. */
  @Column({ type: 'boolean', default: false })
  is_backfilled: boolean;

  /** Time and id of the latest event from before the log that has a position. */
  @Column({ type: 'timestamptz', default: '-infinity' })
  backfilled_at: Date;

  @Column({ type: 'uuid', default: '00000000-0000-0000-0000-000000000000' })
  backfilled_id: string;
}
