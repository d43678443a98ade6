import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { EndedReason, SessionStatus } from '../lifecycle/session-status.js';

/**
 * One run of one agent. A session with an `attempt` number is an attempt at its task; the latest attempt gives the task
 * its status.
 */
@Entity('sessions')
@Index('idx_sessions_task_id', ['task_id'])
@Index('idx_sessions_status', ['status'])
@Index('idx_sessions_created_at', { synchronize: false }) // DESC, which TypeORM cannot express
@Index('sessions_task_attempt_uq', ['task_id', 'attempt'], { unique: true })
@Index('sessions_one_open_attempt_uq', ['task_id'], {
  unique: true,
  where: `attempt IS NOT NULL AND status IN ('pending', 'active')`,
})
@Index('idx_sessions_inbox', { synchronize: false }) // by an expression, which TypeORM cannot express
@Index('idx_sessions_inbox_of_type', { synchronize: false }) // likewise
@Index('idx_sessions_lease', ['lease_expires_at'], {
  where: `attempt IS NOT NULL AND status = 'active'`,
})
@Index('idx_sessions_deadline', ['deadline_at'], {
  where: `attempt IS NOT NULL AND status IN ('pending', 'active')`,
})
@Index('idx_sessions_open_created_at', ['created_at'], {
  where: `status IN ('pending', 'active')`,
})
@Index('idx_sessions_run_until', ['run_until'], {
  where: `run_until IS NOT NULL AND status = 'active'`,
})
@Index('idx_sessions_role_tasks', ['role', 'task_status', 'task_created_at', 'task_id'], {
  where: 'task_status IS NOT NULL',
})
@Index('idx_sessions_from_role_tasks', ['from_role', 'task_status', 'task_created_at', 'task_id'], {
  where: 'task_status IS NOT NULL',
})
@Index('idx_sessions_changes', ['role', 'from_role', 'updated_at', 'task_id'], {
  where: 'task_status IS NOT NULL',
})
@Index('idx_sessions_role', ['role', 'status', 'created_at', 'id'], { where: 'version > 0' })
@Index('idx_sessions_roles', ['from_role', 'role', 'created_at', 'id'], {
  where: 'from_role IS NOT NULL',
})
@Index('idx_sessions_from_role', ['from_role', 'status', 'created_at', 'id'], {
  where: 'from_role IS NOT NULL',
})
@Index('idx_sessions_claimed_by', ['claimed_by', 'status', 'created_at', 'id'], {
  where: 'claimed_by IS NOT NULL',
})
@Index(
  'idx_sessions_claimed_by_tasks',
  ['claimed_by', 'task_status', 'task_created_at', 'task_id'],
  { where: 'claimed_by IS NOT NULL AND task_status IS NOT NULL' },
)
@Check('sessions_status_ck', `status IN ('pending', 'active', 'completed', 'failed', 'expired')`)
@Check(
  'sessions_ended_reason_ck',
  `ended_reason IN ('completed', 'worker', 'retention', 'lease_lost', 'deadline', 'cancelled', 'released', 'run_limit')`,
)
@Check('sessions_priority_ck', 'priority BETWEEN 0 AND 2')
@Check('sessions_attempts_left_ck', 'attempts_left >= 0')
@Check('sessions_attempt_counts_ck', '(attempt IS NULL) = (attempts_left IS NULL)')
@Check(
  'sessions_task_type_ck',
  `attempt IS NULL OR status NOT IN ('pending', 'active') OR task_type IS NOT NULL`,
)
@Check('sessions_ended_ck', `(ended_reason IS NULL) = (status IN ('pending', 'active'))`)
@Check('sessions_attempt_ck', `attempt IS NULL OR (attempt >= 1 AND task_id IS NOT NULL)`)
export class Session {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'sessions_pkey' })
  id: string;

  /** Org role that the session acts for. */
  @Column({ type: 'varchar', length: 50 })
  role: string;

  @ForeignKey('Task', { name: 'sessions_task_id_fk' })
  @Column({ type: 'uuid', nullable: true })
  task_id: string | null;

  @Column({ type: 'varchar', length: 20 })
  status: SessionStatus;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  created_at: Date;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  updated_at: Date;

  /** JSON object for the agent's own use. */
  @Column({ type: 'jsonb', default: {} })
  metadata: Record<string, unknown>;

  /** Starts at 1. Each change of status, metadata or task adds 1. */
  @Column({ type: 'integer', default: 1 })
  version: number;

  /** Trace of the audit events of the session: that of its task, otherwise that of the request that created it. */
  @Column({ type: 'uuid' })
  trace_id: string;

  /** Subject that created the session. */
  @Column({ type: 'text' })
  created_by: string;

  /** Number of the attempt, from 1; null in a plain session. */
  @Column({ type: 'integer', nullable: true })
  attempt: number | null;

  /** Subject that claimed or activated the session and can end it. */
  @Column({ type: 'text', nullable: true })
  claimed_by: string | null;

  @Column({ type: 'varchar', length: 20, nullable: true })
  ended_reason: EndedReason | null;

  /** Lease expiry; null without a lease. */
  @Column({ type: 'timestamptz', nullable: true })
  lease_expires_at: Date | null;

  /** Length of the lease in seconds; null if there never was a lease. */
  @Column({ type: 'integer', nullable: true })
  lease_seconds: number | null;

  /** `max_run_seconds` of the task. A trigger sets it. */
  @Column({ type: 'integer', nullable: true })
  max_run_seconds: number | null;

  /** Run limit of an attempt, which heartbeats do not extend; null before the claim, or without a limit. */
  @Column({ type: 'timestamptz', nullable: true })
  run_until: Date | null;

  /**
   * Place in the inbox if `created_at` does not give it: the place that a released attempt passed to this one, or the
   * time at which the attempt becomes due.
   */
  @Column({ type: 'timestamptz', nullable: true })
  queued_at: Date | null;

  /** Approval for which the attempt was parked: the first stage of its chain. The attempt is due at `not_before`. */
  @ForeignKey('Approval', { name: 'sessions_parked_for_fk' })
  @Column({ type: 'uuid', nullable: true })
  parked_for: string | null;

  /** Time at which an attempt becomes due; null for at once. */
  @Column({ type: 'timestamptz', nullable: true })
  not_before: Date | null;

  /** Type of the task. A trigger sets it; null in plain sessions and in attempts that ended before this column existed. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  task_type: string | null;

  /** Requester role of the task, set by a trigger; null in a plain session. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  from_role: string | null;

  /** Creation of the task, set by a trigger; null in a plain session. */
  @Column({ type: 'timestamptz', nullable: true })
  task_created_at: Date | null;

  /** Stored status of the task, set by triggers on its latest attempt; null in all other sessions. */
  @Column({ type: 'varchar', length: 20, nullable: true })
  task_status: string | null;

  /** Deadline of the task. */
  @Column({ type: 'timestamptz', nullable: true })
  deadline_at: Date | null;

  /** Priority of the task: 0 low, 1 normal, 2 high. */
  @Column({ type: 'smallint', default: 1 })
  priority: number;

  /** Number of attempts that can follow this one if it is lost; null in a plain session. */
  @Column({ type: 'integer', nullable: true })
  attempts_left: number | null;

  /** Whether another attempt can succeed after this one failed. */
  @Column({ type: 'boolean', nullable: true })
  retryable: boolean | null;

  /** Result of a completed session. */
  @Column({ type: 'jsonb', nullable: true })
  result: Record<string, unknown> | null;

  /** Error of a failed session, as its agent reported it. */
  @Column({ type: 'text', nullable: true })
  error: string | null;
}
