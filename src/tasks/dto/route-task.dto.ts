import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
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

/** What is asked for. */
export class NewTaskDto {
  @ApiProperty({
    description: 'A name of your choice, such as `notification`, `approval` or `budget_approval`.',
    minLength: 1,
    maxLength: 50,
    example: 'budget_approval',
  })
  @IsTaskType()
  task_type: string;

  @ApiPropertyOptional({
    maxLength: 10_000,
    default: '',
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
    example: { amount: 50000 },
  })
  @IsOptional()
  @IsJsonObject()
  data: Record<string, unknown> = {};
}

/** The decision without which the task cannot be completed. */
export class RequiredApprovalDto {
  @ApiProperty({ description: 'The role that is to decide.', example: 'legal' })
  @IsRoleName()
  role: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MAX_QUORUM, default: 1, example: 1 })
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
    description: 'For how long it can be decided, in seconds.',
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
    description: 'human, if only a person may decide.',
    example: 'any',
  })
  @IsOptional()
  @IsIn(APPROVER_KINDS, { message: `approver_kind must be one of ${APPROVER_KINDS.join(', ')}` })
  approver_kind: ApproverKind = 'any';
}

@Normalised(normalizeLegacyTask)
export class RouteTaskDto {
  @ApiProperty({ description: 'The role that is to do it.', example: 'manager' })
  @IsRoleName()
  target: string;

  @ApiPropertyOptional({
    description: 'The role that asks; needed only by an agent that holds several.',
    example: 'finance',
  })
  @IsOptional()
  @IsRoleName()
  from_role?: string;

  @ApiProperty({ type: NewTaskDto })
  @ValidateNested()
  @IsObject({ message: 'task must be a JSON object' })
  @Type(() => NewTaskDto)
  task: NewTaskDto;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, default: {}, example: {} })
  @IsOptional()
  @IsJsonObject()
  context: Record<string, unknown> = {};

  @ApiPropertyOptional({
    enum: PRIORITIES,
    description: 'Default: normal; of a notification, what its `data.priority` says.',
    example: 'normal',
  })
  @IsOptional()
  @IsIn(PRIORITIES, { message: `priority must be one of ${PRIORITIES.join(', ')}` })
  priority?: Priority;

  @ApiPropertyOptional({
    description: 'After this the task is not worth doing; in the future (RFC 3339).',
    example: '2036-01-31T12:00:00Z',
  })
  @IsOptional()
  @IsTimestamp()
  deadline_at?: string;

  @ApiPropertyOptional({
    description: 'Not to be claimed before this (RFC 3339).',
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
    description: 'How many attempts are made before the task is given up.',
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
      'How many seconds one attempt may take from its claim, whatever its heartbeats; then it ends as a lost one does. Default: no limit.',
    example: 3600,
  })
  @IsOptional()
  @IsInt()
  @Min(RUN_SECONDS.min)
  @Max(RUN_SECONDS.max)
  max_run_seconds?: number;

  @ApiPropertyOptional({
    description: 'The task that this one is part of; you must be able to read it.',
  })
  @IsOptional()
  @IsId('task')
  parent_task_id?: string;

  @ApiPropertyOptional({
    type: RequiredApprovalDto,
    description:
      'A decision that is asked for along with the task, and without which it cannot be completed.',
  })
  @IsOptional()
  @ValidateNested()
  @IsObject({ message: 'requires_approval must be a JSON object' })
  @Type(() => RequiredApprovalDto)
  requires_approval?: RequiredApprovalDto;
}
