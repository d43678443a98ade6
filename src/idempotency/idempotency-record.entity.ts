import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The response of an executed keyed request. It commits in the transaction of the request. */
@Entity('idempotency_records')
@Index('idx_idempotency_records_caller_key', ['caller', 'key'])
@Index('idx_idempotency_records_expires_at', ['expires_at'])
@Check('idempotency_records_status_ck', `response_status BETWEEN 200 AND 299`)
export class IdempotencyRecord {
  /** SHA-256 of caller, its default role, method, path and idempotency key. */
  @PrimaryColumn({ type: 'bytea', primaryKeyConstraintName: 'idempotency_records_pkey' })
  scope: Buffer;

  /** SHA-256 of the canonical body (RFC 8785) and query. */
  @Column({ type: 'bytea' })
  fingerprint: Buffer;

  /** The subject that sent the request. */
  @Column({ type: 'text' })
  caller: string;

  @Column({ type: 'varchar', length: 255 })
  key: string;

  @Column({ type: 'varchar', length: 10 })
  method: string;

  @Column({ type: 'text' })
  path: string;

  /** The acting role of the request; null if it changed nothing. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  acting_role: string | null;

  @Column({ type: 'smallint' })
  response_status: number;

  /** The response body, which a replay repeats byte for byte. */
  @Column({ type: 'text' })
  response_body: string;

  @Column({ type: 'varchar', length: 20, nullable: true })
  resource_type: string | null;

  @Column({ type: 'uuid', nullable: true })
  resource_id: string | null;

  /** Number of times that the idempotency key has been new: 1, plus 1 for each use after an expiry. */
  @Column({ type: 'integer' })
  generation: number;

  @Column({ type: 'timestamptz' })
  created_at: Date;

  @Column({ type: 'timestamptz' })
  expires_at: Date;
}
