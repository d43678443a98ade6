import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { Webhook } from './webhook.entity.js';

/** `failed`: all attempts failed, or the endpoint is gone. */
export type DeliveryStatus = 'pending' | 'delivered' | 'failed';

/** One event for one endpoint. */
@Entity('webhook_deliveries')
@Check('webhook_deliveries_status_ck', `status IN ('pending', 'delivered', 'failed')`)
@Check('webhook_deliveries_ended_ck', `(ended_at IS NULL) = (status = 'pending')`)
@Index('idx_webhook_deliveries_fresh', ['webhook_id', 'position'], {
  where: `status = 'pending' AND attempts = 0`,
})
@Index('idx_webhook_deliveries_retries', ['webhook_id', 'next_attempt_at', 'position'], {
  where: `status = 'pending' AND attempts > 0`,
})
@Index('idx_webhook_deliveries_sending', ['webhook_id'], {
  where: `status = 'pending' AND sending_until IS NOT NULL`,
})
@Index('idx_webhook_deliveries_task', ['webhook_id', 'task_id', 'position'], {
  where: `status = 'pending' AND task_id IS NOT NULL`,
})
@Index('idx_webhook_deliveries_ended_at', ['ended_at'], { where: 'ended_at IS NOT NULL' })
export class WebhookDelivery {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'webhook_deliveries_pkey' })
  webhook_id: string;

  @ManyToOne(() => Webhook, { onDelete: 'CASCADE' })
  @JoinColumn({
    name: 'webhook_id',
    foreignKeyConstraintName: 'webhook_deliveries_webhook_id_fk',
  })
  webhook?: Webhook;

  /** Position of the event in the event log. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'webhook_deliveries_pkey' })
  position: string;

  @Column({ type: 'uuid' })
  event_id: string;

  @Column({ type: 'uuid', nullable: true })
  task_id: string | null;

  @Column({ type: 'varchar', length: 20, default: 'pending' })
  status: DeliveryStatus;

  /** Attempts that began since the delivery was created, or sent again. */
  @Column({ type: 'integer', default: 0 })
  attempts: number;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  next_attempt_at: Date;

  /** An instance sends the event now. After this time the instance has ended, and another may send. */
  @Column({ type: 'timestamptz', nullable: true })
  sending_until: Date | null;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  created_at: Date;

  @Column({ type: 'timestamptz', nullable: true })
  ended_at: Date | null;
}
