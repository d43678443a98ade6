import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { WebhookDelivery } from './webhook-delivery.entity.js';

/** One HTTP request to an endpoint. */
@Entity('webhook_attempts')
export class WebhookAttempt {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'webhook_attempts_pkey' })
  webhook_id: string;

  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'webhook_attempts_pkey' })
  position: string;

  @PrimaryColumn({ type: 'timestamptz', primaryKeyConstraintName: 'webhook_attempts_pkey' })
  started_at: Date;

  @ManyToOne(() => WebhookDelivery, { onDelete: 'CASCADE' })
  @JoinColumn([
    {
      name: 'webhook_id',
      referencedColumnName: 'webhook_id',
      foreignKeyConstraintName: 'webhook_attempts_delivery_fk',
    },
    {
      name: 'position',
      referencedColumnName: 'position',
      foreignKeyConstraintName: 'webhook_attempts_delivery_fk',
    },
  ])
  delivery?: WebhookDelivery;

  @Column({ type: 'integer' })
  duration_ms: number;

  /** Status of the response; null: there was none. */
  @Column({ type: 'smallint', nullable: true })
  status: number | null;

  /** Class of the failure; null: a response arrived. */
  @Column({ type: 'varchar', length: 30, nullable: true })
  error: string | null;

  /** The first 512 bytes of the response body. */
  @Column({ type: 'text', default: '' })
  response: string;
}
