import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { Task } from '../tasks/task.entity.js';

/** An endpoint that receives the updates of one task. */
@Entity('push_configs')
@Check('push_configs_ended_ck', `ended_at IS NULL OR due_at IS NULL`)
@Index('idx_push_configs_open', ['task_id'], { where: 'ended_at IS NULL' })
@Index('idx_push_configs_due_at', ['due_at'], { where: 'due_at IS NOT NULL' })
@Index('idx_push_configs_ended_at', ['ended_at'], { where: 'ended_at IS NOT NULL' })
export class PushConfig {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'push_configs_pkey' })
  task_id: string;

  @ManyToOne(() => Task)
  @JoinColumn({ name: 'task_id', foreignKeyConstraintName: 'push_configs_task_id_fk' })
  task?: Task;

  /** Subject that created it. Nobody else can read, replace or delete it. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'push_configs_pkey' })
  owner: string;

  /** Unique among the configurations of the owner for the task. */
  @PrimaryColumn({ type: 'varchar', length: 128, primaryKeyConstraintName: 'push_configs_pkey' })
  id: string;

  /** Role whose agent has the task. */
  @Column({ type: 'varchar', length: 50 })
  to_role: string;

  /** Roles of the owner at the time of the last change. The updates are those that these roles can read. */
  @Column({ type: 'text', array: true })
  roles: string[];

  @Column({ type: 'text' })
  url: string;

  /** Token and credentials as JSON, encrypted. */
  @Column({ type: 'bytea' })
  secret: Buffer;

  /** The endpoint has received the updates of the events up to this position. */
  @Column({ type: 'bigint' })
  position: string;

  /** Whether the task has events since the last attempt began. */
  @Column({ type: 'boolean', default: false })
  is_changed: boolean;

  /** Time of the next attempt. During an attempt: the time after which another instance can begin one. Null: none is due. */
  @Column({ type: 'timestamptz', nullable: true, default: () => 'clock_timestamp()' })
  due_at: Date | null;

  /** Failed attempts since the last success. */
  @Column({ type: 'integer', default: 0 })
  attempts: number;

  /** Increases with each change by the owner and with each attempt. An attempt of an older version stops. */
  @Column({ type: 'integer', default: 1 })
  version: number;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  created_at: Date;

  /** Time at which the endpoint had received the end of the task, or had failed for the last time. */
  @Column({ type: 'timestamptz', nullable: true })
  ended_at: Date | null;
}
