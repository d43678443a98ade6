import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { EndedReason, SessionStatus } from '../lifecycle/session-status.js';

/** One agent's run. A session with an `attempt` number carries its task; the highest attempt is the task's status. */
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

  /** The org role the session acts for. */
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

  /** Whatever the agent keeps with its run. */
  @Column({ type: 'jsonb', default: {} })
  metadata: Record<string, unknown>;

  /** Starts at 1, plus 1 for every change of status, metadata or task. */
  @Column({ type: 'integer', default: 1 })
  version: number;

  /** The trace of the session's audit events: its task's, else the one of the request that made it. */
  @Column({ type: 'uuid' })
  trace_id: string;

  /** The subject that made the session. */
  @Column({ type: 'text' })
  created_by: string;

  /** The number, from 1, of the task's attempt that this session is; null: a plain session. */
  @Column({ type: 'integer', nullable: true })
  attempt: number | null;

  /** The subject that activated the session and may finish it. */
  @Column({ type: 'text', nullable: true })
  claimed_by: string | null;

  @Column({ type: 'varchar', length: 20, nullable: true })
  ended_reason: EndedReason | null;

  /** Until when its holder need not be heard of; null: it has no lease. */
  @Column({ type: 'timestamptz', nullable: true })
  lease_expires_at: Date | null;

  /** The length of its lease in seconds, which a heartbeat keeps; null: it has had none. */
  @Column({ type: 'integer', nullable: true })
  lease_seconds: number | null;

  /** Its task's limit, which a trigger sets. */
  @Column({ type: 'integer', nullable: true })
  max_run_seconds: number | null;

  /** The end of an attempt whatever its heartbeats; null: not begun, or without a limit. */
  @Column({ type: 'timestamptz', nullable: true })
  run_until: Date | null;

  /** The place in line, where that is older than the attempt: that of the released attempt before it. */
  @Column({ type: 'timestamptz', nullable: true })
  queued_at: Date | null;

  /** The approval that the attempt was parked for: the first stage of its chain. It is due from `not_before`. */
  @ForeignKey('Approval', { name: 'sessions_parked_for_fk' })
  @Column({ type: 'uuid', nullable: true })
  parked_for: string | null;

  /** From when an attempt may be claimed; null: at once. */
  @Column({ type: 'timestamptz', nullable: true })
  not_before: Date | null;

  /** Its task's type, which a trigger sets; null of a plain session, and of attempts that ended before there was one. */
  @Column({ type: 'varchar', length: 50, nullable: true })
  task_type: string | null;

  /** Its task's deadline. */
  @Column({ type: 'timestamptz', nullable: true })
  deadline_at: Date | null;

  /** Its task's priority: 0 low, 1 normal, 2 high. */
  @Column({ type: 'smallint', default: 1 })
  priority: number;

  /** How many attempts may follow an attempt that is lost; null: it is no attempt. */
  @Column({ type: 'integer', nullable: true })
  attempts_left: number | null;

  /** Of a failed attempt: whether another one may succeed. */
  @Column({ type: 'boolean', nullable: true })
  retryable: boolean | null;

  /** What a completed session has to show. */
  @Column({ type: 'jsonb', nullable: true })
  result: Record<string, unknown> | null;

  /** Why a failed session failed, in its agent's words. */
  @Column({ type: 'text', nullable: true })
  error: string | null;
}
