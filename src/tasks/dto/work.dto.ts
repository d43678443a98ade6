import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsOptional,
  IsString,
  MaxLength,
} from 'class-validator';
import { ClaimApprovalDto } from '../../approvals/dto/approval-context.dto.js';
import { WholeNumber } from '../../config/variable.js';
import { AreTaskTypes, IsRoleName } from '../../http/validators.js';
import { LeaseDto } from '../../sessions/dto/lease.dto.js';
import { SessionDto } from '../../sessions/dto/session.dto.js';
import { ClaimLimitsDto } from './claim-limits.dto.js';
import { TaskDto } from './task.dto.js';

/** Body of `POST /tasks/claim`: the tasks that the caller can work on. */
export class ClaimDto extends LeaseDto {
  @ApiPropertyOptional({
    description:
      'Role whose inbox to claim from. Required only if your token has several org roles and no default role.',
    example: 'manager',
  })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    type: [String],
    minItems: 1,
    maxItems: 50,
    description: 'Claim only tasks of these types.',
    example: ['budget_approval'],
  })
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(50)
  @AreTaskTypes()
  task_types?: string[];
}

/** A claimed task and the session of its attempt, which receives heartbeats and the result. */
export class ClaimedTaskDto {
  @ApiProperty({ type: TaskDto })
  task: TaskDto;

  @ApiProperty({ type: SessionDto })
  session: SessionDto;

  @ApiProperty({ type: ClaimLimitsDto, description: 'Limits of the result and the error.' })
  limits: ClaimLimitsDto;

  @ApiProperty({
    type: [ClaimApprovalDto],
    description:
      'Latest approvals of the task, at most 20, oldest first. Before you act, check which of them earlier attempts consumed.',
  })
  approvals: ClaimApprovalDto[];

  @ApiPropertyOptional({
    type: Boolean,
    description:
      '`true` in a replay: the request was executed before with the same `Idempotency-Key`. The task and the session are shown as they are now and may have ended. Absent otherwise.',
  })
  replayed?: true;
}

export class WaitQuery {
  @ApiPropertyOptional({
    description:
      'Role whose inbox to wait for. Required only if your token has several org roles and no default role.',
  })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    type: String,
    maxLength: 2_549,
    pattern: '^[^,]+(,[^,]+){0,49}$',
    description: 'Wait only for tasks of these types, separated by commas.',
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.split(',') : value,
  )
  @IsArray()
  @ArrayMaxSize(50)
  @AreTaskTypes()
  task_types?: string[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 25,
    default: 25,
    description: 'Maximum time to wait, in seconds.',
  })
  @IsOptional()
  @WholeNumber(0, 25)
  wait_seconds: number = 25;
}

export class WaitDto {
  @ApiProperty({
    type: 'integer',
    description: 'Number of tasks that are due. 100 means 100 or more.',
    example: 1,
  })
  pending: number;
}

export class SteerDto {
  @ApiPropertyOptional({
    maxLength: 1_000,
    description: 'Reason. It is recorded in the timeline of the task.',
    example: 'The budget was cut',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;
}

export class CancelDto extends SteerDto {
  @ApiPropertyOptional({
    description:
      'If `true`, also cancels the open subtasks, at all levels, that your role routed directly or through the chain of tasks.',
    default: false,
  })
  @IsOptional()
  @IsBoolean()
  cascade?: boolean;
}

/** A task in its tree. For a task that the caller cannot read, only `id`, `status` and `children` are present. */
export class TaskNodeDto {
  @ApiProperty({
    format: 'uuid',
    description: 'Id of the task.',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  id: string;

  @ApiProperty({ description: 'Status of the task.', example: 'active' })
  status: string;

  @ApiPropertyOptional({
    description: 'Type of the task. Absent if you cannot read the task.',
    example: 'budget_approval',
  })
  task_type?: string;

  @ApiPropertyOptional({
    description: 'Requester role. Absent if you cannot read the task.',
    example: 'finance',
  })
  from_role?: string;

  @ApiPropertyOptional({
    description: 'Role to which the task is assigned. Absent if you cannot read the task.',
    example: 'manager',
  })
  to_role?: string;

  @ApiProperty({
    type: () => [TaskNodeDto],
    description: 'Subtasks, oldest first.',
  })
  children: TaskNodeDto[];
}

/** An audit event of a task, one of its attempts or one of its approvals. */
export class TimelineEntryDto {
  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Time of the event.',
    example: '2026-01-31T12:00:05.000Z',
  })
  at: Date;

  @ApiProperty({ description: 'Type of the event.', example: 'task_claimed' })
  event: string;

  @ApiProperty({ description: 'Role of the actor.', example: 'manager' })
  role: string;

  @ApiProperty({
    description: 'Subject that caused the event, or `system`.',
    example: 'https://idp.example.com/realms/corp#manager-agent',
  })
  actor: string;

  @ApiPropertyOptional({ description: 'Status before the event.', example: 'pending' })
  from?: string;

  @ApiPropertyOptional({
    description: 'Status after the event, or the decision of an approval.',
    example: 'active',
  })
  to?: string;

  @ApiPropertyOptional({
    description: 'Cause of the change, for example `lease_lost`.',
    example: 'lease_lost',
  })
  reason?: string;

  @ApiPropertyOptional({
    description: 'Reason that the caller gave for a release, cancellation or retry.',
    example: 'The budget was cut',
  })
  told?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description: 'Id of the task whose cascade cancelled this task.',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  cause?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'Time at which the attempt becomes due, if the event sets it.',
    example: '2026-01-31T12:00:00.000Z',
  })
  not_before?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description: 'Approval for which the task was parked, or whose end made it due.',
    example: '019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c',
  })
  until_approval?: string;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Session of the event; `null` if it has none.',
    example: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  })
  session_id: string | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Approval of the event; `null` if it has none.',
    example: null,
  })
  approval_id: string | null;
}

/** A role or subject for which a task waits. */
export class WaitsForDto {
  @ApiProperty({
    enum: ['claim', 'due_time', 'worker', 'approval'],
    description:
      '`claim`: an agent has to claim the task. `due_time`: the task is not due yet. `worker`: its worker has to complete it. `approval`: an approval has to be decided, or the required approval has to be requested again.',
    example: 'worker',
  })
  what: 'claim' | 'due_time' | 'worker' | 'approval';

  @ApiProperty({
    description: 'Role or subject for which the task waits.',
    example: 'manager',
  })
  who: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Start of the wait.',
    example: '2026-01-31T12:00:05.000Z',
  })
  since: Date;

  @ApiPropertyOptional({
    format: 'uuid',
    description:
      'Of `approval`: id of the pending approval. Absent if the required approval has to be requested again. Of `claim`: id of the approval that the worker voted on, so that another agent has to complete the task.',
    example: '019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c',
  })
  approval_id?: string;
}

export class TimelineDto {
  @ApiProperty({
    type: [TimelineEntryDto],
    description: 'Events, oldest first, at most 1,000.',
  })
  events: TimelineEntryDto[];

  @ApiProperty({
    type: Boolean,
    description: 'Whether `events` contains all events of the task.',
    example: true,
  })
  complete: boolean;

  @ApiProperty({
    type: [WaitsForDto],
    description:
      'Roles and subjects for which the task waits now, by the clock of PostgreSQL. Empty if the task has ended, or if the next sweep ends it.',
  })
  waits_for: WaitsForDto[];
}
