import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { type ErrorCode } from '../../errors/error-codes.js';
import { IsRoleName, IsTaskType, IsTimestamp } from '../../http/validators.js';
import { TASK_STATUSES, type TaskStatus } from '../../lifecycle/task-status.js';
import { ReasonDto } from './task-control.dto.js';

/** Statuses of tasks that can be cancelled. */
export const CANCELLABLE = ['pending', 'active'] as const satisfies readonly TaskStatus[];

/** Statuses of tasks that can be retried. */
export const RETRYABLE = [
  ...(['failed', 'expired', 'dead', 'cancelled'] as const),
] satisfies readonly TaskStatus[];

/** Maximum number of tasks that one request changes. */
const MAX_CHANGED = 200;

/** The number up to which matching tasks are counted. */
export const MAX_COUNTED = 1_000;

class TaskFilterDto extends ReasonDto {
  @ApiPropertyOptional({ description: 'Only tasks that are assigned to this role.' })
  @IsOptional()
  @IsRoleName()
  to_role?: string;

  @ApiPropertyOptional({
    description:
      'Only tasks that this role requested. Default: each role of the caller; for an admin, every role.',
  })
  @IsOptional()
  @IsRoleName()
  from_role?: string;

  @ApiPropertyOptional({ description: 'Only tasks of this type.', example: 'budget_approval' })
  @IsOptional()
  @IsTaskType()
  task_type?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Only tasks of this workflow.' })
  @IsOptional()
  @IsUUID('all', { message: 'trace_id must be a UUID' })
  trace_id?: string;

  @ApiPropertyOptional({ description: 'Only tasks that were created at or after this time.' })
  @IsOptional()
  @IsTimestamp()
  created_since?: string;

  @ApiPropertyOptional({ description: 'Only tasks that were created before this time.' })
  @IsOptional()
  @IsTimestamp()
  created_before?: string;

  @ApiPropertyOptional({
    default: true,
    description: 'If `true`, returns the matching tasks and changes nothing.',
  })
  @IsOptional()
  @IsBoolean()
  dry_run: boolean = true;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_CHANGED,
    default: MAX_CHANGED,
    description: 'Maximum number of tasks, oldest first.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_CHANGED)
  limit: number = MAX_CHANGED;
}

function Status(statuses: readonly TaskStatus[]): PropertyDecorator {
  return (target, member) => {
    ApiPropertyOptional({
      enum: statuses,
      description: `Only tasks with this status. Default: ${statuses.join(' or ')}.`,
    })(target, member);
    IsOptional()(target, member);
    IsIn(statuses, { message: `status must be one of ${statuses.join(', ')}` })(target, member);
  };
}

/** Body of `POST /tasks/cancel`. */
export class CancelTasksDto extends TaskFilterDto {
  @Status(CANCELLABLE)
  status?: (typeof CANCELLABLE)[number];
}

/** Body of `POST /tasks/retry`. */
export class RetryTasksDto extends TaskFilterDto {
  @Status(RETRYABLE)
  status?: (typeof RETRYABLE)[number];
}

@ApiSchema({ description: 'A task that a filter selects.' })
export class MatchingTaskDto {
  @ApiProperty({
    description: 'Id of the task.',
    format: 'uuid',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  id: string;

  @ApiProperty({ description: 'Type of the task.', example: 'budget_approval' })
  task_type: string;

  @ApiProperty({ description: 'Requester role.', example: 'finance' })
  from_role: string;

  @ApiProperty({ description: 'Role to which the task is assigned.', example: 'manager' })
  to_role: string;

  @ApiProperty({ enum: TASK_STATUSES, description: 'Status before the change.' })
  status: TaskStatus;

  @ApiProperty({ description: 'Time at which the task was routed.' })
  created_at: Date;
}

@ApiSchema({ description: 'A task that a filter selects, and that was not changed.' })
export class RefusedTaskDto {
  @ApiProperty({
    description: 'Id of the task.',
    format: 'uuid',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  id: string;

  @ApiProperty({ type: String, description: 'Error code.', example: 'task.finished' })
  code: ErrorCode;

  @ApiProperty({ description: 'Cause.', example: 'The task is completed. Route a new task.' })
  detail: string;
}

@ApiSchema({ description: 'The outcome of a change to the tasks of a filter.' })
export class BulkResultDto {
  @ApiProperty({ description: 'Whether nothing was changed.' })
  dry_run: boolean;

  @ApiProperty({
    type: 'integer',
    description: `Number of matching tasks before the change, at most ${MAX_COUNTED}.`,
    example: 3,
  })
  total: number;

  @ApiProperty({ description: 'Whether `total` is exact. If `false`, more tasks match.' })
  total_is_exact: boolean;

  @ApiProperty({
    type: [MatchingTaskDto],
    description: 'The first matching tasks, oldest first, at most `limit`.',
  })
  tasks: MatchingTaskDto[];

  @ApiProperty({
    type: [String],
    format: 'uuid',
    description: 'Ids of the tasks that were changed. Empty with `dry_run`.',
    example: ['019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c'],
  })
  changed: string[];

  @ApiProperty({
    type: [RefusedTaskDto],
    description: 'The tasks that were not changed, with the error that each of them returned.',
  })
  refused: RefusedTaskDto[];
}
