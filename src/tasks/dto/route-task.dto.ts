import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  DEFAULT_EXPIRY_SECONDS,
  EXPIRY_SECONDS,
  MAX_QUORUM,
} from '../../approvals/approval-limits.js';
import { APPROVER_KINDS, type ApproverKind } from '../../approvals/approver-kind.js';
import { IsId } from '../../http/ids.js';
import { Normalised } from '../../http/normalise.decorator.js';
import { IsJsonObject, IsRoleName, IsTaskType, IsTimestamp } from '../../http/validators.js';
import { PRIORITIES, type Priority } from '../priority.js';
import { RUN_SECONDS } from '../task-limits.js';
import { normalizeLegacyTask } from './legacy-task-body.js';

@ApiSchema({ description: 'The content of a task.' })
export class NewTaskDto {
  @ApiProperty({
    description:
      'Type of the task: free text, for example `approval` or `budget_approval`. Workers can claim by type. Claiming a `notification` completes it.',
    minLength: 1,
    maxLength: 50,
    example: 'budget_approval',
  })
  @IsTaskType()
  task_type: string;

  @ApiPropertyOptional({
    maxLength: 10_000,
    default: '',
    description: 'Description of the work, for the assignee.',
    example: 'Approve the Q3 marketing budget',
  })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  description: string = '';

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    default: {},
    description: 'Input of the task: any JSON object.',
    example: { amount: 50000 },
  })
  @IsOptional()
  @IsJsonObject()
  data: Record<string, unknown> = {};
}

@ApiSchema({ description: 'An approval that the completion of a task requires.' })
export class RequiredApprovalDto {
  @ApiProperty({ description: 'Role that decides.', example: 'legal' })
  @IsRoleName()
  role: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_QUORUM,
    default: 1,
    description: 'Number of different subjects of the role that must approve.',
    example: 1,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_QUORUM)
  quorum: number = 1;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: EXPIRY_SECONDS.min,
    maximum: EXPIRY_SECONDS.max,
    default: DEFAULT_EXPIRY_SECONDS,
    description: 'Seconds until the approval expires if it is not decided.',
    example: DEFAULT_EXPIRY_SECONDS,
  })
  @IsOptional()
  @IsInt()
  @Min(EXPIRY_SECONDS.min)
  @Max(EXPIRY_SECONDS.max)
  expires_in_seconds: number = DEFAULT_EXPIRY_SECONDS;

  @ApiPropertyOptional({
    enum: APPROVER_KINDS,
    default: 'any',
    description: '`human` if only people can decide; `any` if agents can decide too.',
    example: 'any',
  })
  @IsOptional()
  @IsIn(APPROVER_KINDS, { message: `approver_kind must be one of ${APPROVER_KINDS.join(', ')}` })
  approver_kind: ApproverKind = 'any';
}

@Normalised(normalizeLegacyTask)
export class RouteTaskDto {
  @ApiProperty({ description: 'Role to which the task is assigned.', example: 'manager' })
  @IsRoleName()
  target: string;

  @ApiPropertyOptional({
    description:
      'Requester role. Required only if your token has several org roles and no default role.',
    example: 'finance',
  })
  @IsOptional()
  @IsRoleName()
  from_role?: string;

  @ApiProperty({ type: NewTaskDto, description: 'The content of the task.' })
  @ValidateNested()
  @IsObject({ message: 'task must be a JSON object' })
  @Type(() => NewTaskDto)
  task: NewTaskDto;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    default: {},
    description: 'Additional information for the assignee: any JSON object.',
    example: {},
  })
  @IsOptional()
  @IsJsonObject()
  context: Record<string, unknown> = {};

  @ApiPropertyOptional({
    enum: PRIORITIES,
    description:
      'Priority in the inbox. Default: `normal`, or `data.priority` of a `notification`.',
    example: 'normal',
  })
  @IsOptional()
  @IsIn(PRIORITIES, { message: `priority must be one of ${PRIORITIES.join(', ')}` })
  priority?: Priority;

  @ApiPropertyOptional({
    description:
      'Deadline (RFC 3339), in the future. After it the task can neither be claimed nor retried, and the sweep ends it.',
    example: '2036-01-31T12:00:00Z',
  })
  @IsOptional()
  @IsTimestamp()
  deadline_at?: string;

  @ApiPropertyOptional({
    description: 'Time at which the task becomes due (RFC 3339). Must be before `deadline_at`.',
    example: '2026-01-31T12:00:00Z',
  })
  @IsOptional()
  @IsTimestamp()
  not_before?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 100,
    default: 3,
    description: 'Maximum number of attempts. The task becomes `dead` when all are used up.',
    example: 3,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  max_attempts: number = 3;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: RUN_SECONDS.min,
    maximum: RUN_SECONDS.max,
    description:
      'Maximum run time of one attempt in seconds, from its claim. Heartbeats do not extend it. At the limit the attempt fails with reason `run_limit`, and the next one opens. Default: no limit.',
    example: 3600,
  })
  @IsOptional()
  @IsInt()
  @Min(RUN_SECONDS.min)
  @Max(RUN_SECONDS.max)
  max_run_seconds?: number;

  @ApiPropertyOptional({
    description: 'Parent task, which you must be able to read. The new task is its subtask.',
  })
  @IsOptional()
  @IsId('task')
  parent_task_id?: string;

  @ApiPropertyOptional({
    type: RequiredApprovalDto,
    description:
      'Approval that the completion of the task requires. It is requested when the task is routed.',
  })
  @IsOptional()
  @ValidateNested()
  @IsObject({ message: 'requires_approval must be a JSON object' })
  @Type(() => RequiredApprovalDto)
  requires_approval?: RequiredApprovalDto;
}
