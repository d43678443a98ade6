import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { RequiredApproval } from '../lifecycle/locked-task.js';
import type { Priority } from './priority.js';

/** Work that one role asks of another. A row is never changed and never deleted. */
@Entity('tasks')
@Index('idx_tasks_trace_id', ['trace_id'])
@Index('idx_tasks_created_at', { synchronize: false }) // DESC, which TypeORM cannot express
@Index('idx_tasks_parent_task_id', ['parent_task_id'], { where: 'parent_task_id IS NOT NULL' })
@Index('idx_tasks_to_role_type', ['to_role', 'task_type', 'created_at', 'id'])
@Index('idx_tasks_from_role_type', ['from_role', 'task_type', 'created_at', 'id'])
@Index('idx_tasks_roles', ['from_role', 'to_role', 'created_at', 'id'])
@Check('tasks_priority_ck', `priority IN ('low', 'normal', 'high')`)
@Check('tasks_max_attempts_ck', 'max_attempts BETWEEN 1 AND 100')
@Check('tasks_max_run_seconds_ck', 'max_run_seconds BETWEEN 30 AND 604800')
@Index('idx_tasks_idempotency_key', ['idempotency_key'], { unique: true })
export class Task {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'tasks_pkey' })
  id: string;

  @Column({ type: 'varchar', length: 50 })
  task_type: string;

  @Column({ type: 'text' })
  description: string;

  @Column({ type: 'varchar', length: 50 })
  from_role: string;

  @Column({ type: 'varchar', length: 50 })
  to_role: string;

  @Column({ type: 'jsonb', default: {} })
  data: Record<string, unknown>;

  @Column({ type: 'uuid' })
  trace_id: string;

  /** Database key: the client's idempotency key if that is a free UUID, otherwise a derived or random UUID. */
  @Column({ type: 'uuid' })
  idempotency_key: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  created_at: Date;

  /** Additional information of the requester for the assignee. */
  @Column({ type: 'jsonb', default: {} })
  context: Record<string, unknown>;

  @Column({ type: 'varchar', length: 10, default: 'normal' })
  priority: Priority;

  /** Deadline, after which the task can neither be claimed nor retried. */
  @Column({ type: 'timestamptz', nullable: true })
  deadline_at: Date | null;

  /** Maximum number of attempts. The task is dead when all are used up. */
  @Column({ type: 'integer', default: 3 })
  max_attempts: number;

  /** Maximum run time of one attempt in seconds, from its claim. Heartbeats do not extend it. Null for no limit. */
  @Column({ type: 'integer', nullable: true })
  max_run_seconds: number | null;

  /** Parent task; null if this is not a subtask. */
  @ForeignKey('Task', { name: 'tasks_parent_task_id_fk' })
  @Column({ type: 'uuid', nullable: true })
  parent_task_id: string | null;

  /** `traceparent` of the span that routed the task, with which a worker continues its trace. */
  @Column({ type: 'varchar', length: 55, nullable: true })
  traceparent: string | null;

  /** Subject that routed the task. */
  @Column({ type: 'text' })
  created_by: string;

  /** Approval that the completion of the task requires. */
  @Column({ type: 'jsonb', nullable: true })
  requires_approval: RequiredApproval | null;
}
