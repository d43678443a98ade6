import { Check, Column, Entity, PrimaryColumn, Unique } from 'typeorm';

/** The position of one committed audit event. Never changes. */
@Entity('event_log')
@Check('event_log_position_ck', `position > 0`)
@Unique('event_log_event_id_uq', ['event_id'])
export class EventLogEntry {
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'event_log_pkey' })
  position: string;

  @Column({ type: 'uuid' })
  event_id: string;
}
