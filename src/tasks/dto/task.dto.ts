import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ApprovalDto } from '../../approvals/dto/approval.dto.js';
import { withPrefix } from '../../http/ids.js';
import { WarningDto } from '../../http/warnings.js';
import type { RequiredApproval } from '../../lifecycle/task-lock.js';
import { TASK_STATUSES, type TaskStatus } from '../../lifecycle/task-status.js';
import { SessionDto } from '../../sessions/dto/session.dto.js';
import { PRIORITIES, type Priority } from '../priority.js';
import type { Task } from '../task.entity.js';

const TASK = '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';
const TRACE = '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c';

/** A task with where it stands, which its highest attempt tells. */
export interface TaskView extends Omit<Task, 'idempotency_key'> {
  status: TaskStatus;
  session_id: string;
  attempt: number;
  claimed_by: string | null;
  parked_for: string | null;
}

export class TaskDto {
  @ApiPropertyOptional({
    type: Boolean,
    description:
      'Only in the response to a request that was sent again with its `Idempotency-Key`.',
  })
  replayed?: true;

  @ApiProperty({ format: 'uuid', example: TASK })
  id: string;

  @ApiProperty({ example: 'budget_approval' })
  task_type: string;

  @ApiProperty({ example: 'Approve the Q3 marketing budget' })
  description: string;

  @ApiProperty({ example: 'finance' })
  from_role: string;

  @ApiProperty({ example: 'manager' })
  to_role: string;

  @ApiProperty({ type: 'object', additionalProperties: true, example: { amount: 50000 } })
  data: Record<string, unknown>;

  @ApiProperty({ type: 'object', additionalProperties: true, example: {} })
  context: Record<string, unknown>;

  @ApiProperty({
    enum: TASK_STATUSES,
    description: 'That of its highest attempt; `dead`: all attempts are used up.',
    example: 'pending',
  })
  status: TaskStatus;

  @ApiProperty({
    format: 'uuid',
    description: 'The session that is its highest attempt.',
    example: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  })
  session_id: string;

  @ApiProperty({ type: 'integer', example: 1 })
  attempt: number;

  @ApiProperty({ enum: PRIORITIES, example: 'normal' })
  priority: Priority;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  deadline_at: Date | null;

  @ApiProperty({ type: 'integer', example: 3 })
  max_attempts: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description:
      'How many seconds one attempt may take from its claim, whatever its heartbeats; null: no limit.',
    example: null,
  })
  max_run_seconds: number | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, example: null })
  parent_task_id: string | null;

  // Not as a reference: what that refers to could not be null.
  @ApiProperty({
    type: 'object',
    nullable: true,
    description: 'The decision without which it cannot be completed.',
    properties: {
      role: { type: 'string' },
      quorum: { type: 'integer' },
      expires_in_seconds: { type: 'integer' },
      approver_kind: { type: 'string', enum: ['any', 'human'] },
    },
    required: ['role', 'quorum', 'expires_in_seconds'],
    example: null,
  })
  requires_approval: RequiredApproval | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The approval that its latest attempt was parked for; null: none.',
    example: null,
  })
  parked_until_approval: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject that works on it.',
    example: null,
  })
  claimed_by: string | null;

  @ApiProperty({ format: 'uuid', example: TRACE })
  trace_id: string;

  @ApiProperty({
    description: 'The subject that routed it.',
    example: 'https://idp.example.com/realms/corp#finance-agent',
  })
  created_by: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-01-31T12:00:00.000Z' })
  created_at: Date;
}

/** A cancelled task, and with it the tasks that a cascade cancelled. */
export class CancelledTaskDto extends TaskDto {
  @ApiPropertyOptional({
    type: [String],
    format: 'uuid',
    description: 'With `cascade`: the tasks that were cancelled, this one first.',
    example: [TASK],
  })
  cancelled_tasks?: string[];
}

/** The task as the API shows it. */
export function toTaskDto(task: TaskView): TaskDto {
  return {
    id: task.id,
    task_type: task.task_type,
    description: task.description,
    from_role: task.from_role,
    to_role: task.to_role,
    data: task.data,
    context: task.context,
    status: task.status,
    session_id: task.session_id,
    attempt: task.attempt,
    priority: task.priority,
    deadline_at: task.deadline_at,
    max_attempts: task.max_attempts,
    max_run_seconds: task.max_run_seconds,
    parent_task_id: task.parent_task_id,
    requires_approval: task.requires_approval,
    parked_until_approval: task.parked_for,
    claimed_by: task.claimed_by,
    trace_id: task.trace_id,
    created_by: task.created_by,
    created_at: task.created_at,
  };
}

/** A task with all that belongs to it. */
export class TaskDetailDto extends TaskDto {
  @ApiProperty({ type: [SessionDto], description: 'The first one first.' })
  attempts: SessionDto[];

  @ApiProperty({ type: [ApprovalDto], description: 'The first one first.' })
  approvals: ApprovalDto[];

  @ApiProperty({
    description:
      'Whether all of both are here. Where they are very large, of some 4 MB each, the first ones are not: `GET /sessions` and `GET /approvals` have them page by page, by `task_id`.',
    example: true,
  })
  complete: boolean;
}

export class TaskPageDto {
  @ApiProperty({ type: [TaskDto] })
  tasks: TaskDto[];

  @ApiProperty({ type: 'integer', example: 20 })
  page_size: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Null on the last page.',
    example: null,
  })
  next_cursor: string | null;
}

/** What routing answers, in the words that existing agents read. */
export class RoutedTaskDto {
  @ApiProperty({ example: `task-${TASK}` })
  task_id: string;

  @ApiProperty({ enum: ['accepted'], example: 'accepted' })
  status: 'accepted';

  @ApiProperty({ format: 'uuid', example: TRACE })
  trace_id: string;

  @ApiPropertyOptional({
    type: [WarningDto],
    description: 'What may not be as its sender meant it; absent when there is nothing.',
  })
  warnings?: readonly WarningDto[];
}

export function toRoutedTask(
  { id, trace_id }: Pick<Task, 'id' | 'trace_id'>,
  warnings: readonly WarningDto[],
): RoutedTaskDto {
  return {
    task_id: withPrefix('task', id),
    status: 'accepted',
    trace_id,
    ...(warnings.length > 0 && { warnings }),
  };
}
