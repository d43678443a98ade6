import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** `disabled_failing`: failed for days. `gone`: the endpoint responded with 410. */
export type WebhookStatus = 'enabled' | 'disabled' | 'disabled_failing' | 'gone';

/** An endpoint that receives events by HTTP POST. */
@Entity('webhooks')
@Check('webhooks_status_ck', `status IN ('enabled', 'disabled', 'disabled_failing', 'gone')`)
@Check('webhooks_old_secret_ck', `(old_secret IS NULL) = (old_secret_until IS NULL)`)
export class Webhook {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'webhooks_pkey' })
  id: string;

  @Column({ type: 'text' })
  url: string;

  /** Audit event types; `*` stands for all. */
  @Column({ type: 'text', array: true })
  types: string[];

  /** The endpoint receives what this role may read; null: everything. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  role: string | null;

  @Column({ type: 'uuid', nullable: true })
  task_id: string | null;

  @Column({ type: 'text', default: '' })
  description: string;

  @Column({ type: 'varchar', length: 20, default: 'enabled' })
  status: WebhookStatus;

  /** The signing secret, encrypted. */
  @Column({ type: 'bytea' })
  secret: Buffer;

  /** The signing secret before the last rotation, encrypted. Signs as well until `old_secret_until`. */
  @Column({ type: 'bytea', nullable: true })
  old_secret: Buffer | null;

  @Column({ type: 'timestamptz', nullable: true })
  old_secret_until: Date | null;

  /** The events up to this position have deliveries, or are not for this endpoint. */
  @Column({ type: 'bigint' })
  after_position: string;

  /** Failed attempts since the last success. */
  @Column({ type: 'integer', default: 0 })
  failures: number;

  @Column({ type: 'timestamptz', nullable: true })
  failing_since: Date | null;

  @Column({ type: 'integer', default: 1 })
  version: number;

  /** The subject that created the endpoint. */
  @Column({ type: 'text' })
  created_by: string;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  created_at: Date;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  updated_at: Date;
}
