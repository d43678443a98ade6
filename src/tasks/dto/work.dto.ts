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

/** Which task an agent would like to do. */
export class ClaimDto extends LeaseDto {
  @ApiPropertyOptional({
    description: 'Needed only by an agent that holds several.',
    example: 'manager',
  })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    type: [String],
    minItems: 1,
    maxItems: 50,
    description: 'Only tasks of these types.',
    example: ['budget_approval'],
  })
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(50)
  @AreTaskTypes()
  task_types?: string[];
}

/** A task and the session in which the caller does it. */
export class ClaimedTaskDto {
  @ApiProperty({ type: TaskDto })
  task: TaskDto;

  @ApiProperty({ type: SessionDto })
  session: SessionDto;

  @ApiProperty({ type: ClaimLimitsDto, description: 'What a result and an error may be.' })
  limits: ClaimLimitsDto;

  @ApiProperty({
    type: [ClaimApprovalDto],
    description:
      'The latest approvals of the task, at most 20, the first of them first. Check what earlier attempts consumed before acting.',
  })
  approvals: ClaimApprovalDto[];

  @ApiPropertyOptional({
    type: Boolean,
    description:
      'Only with a request that was sent again with its `Idempotency-Key`: the task and the session are shown as they are now, which may have ended.',
  })
  replayed?: true;
}

export class WaitQuery {
  @ApiPropertyOptional({
    description: 'Needed only by an agent that holds several.',
  })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    type: String,
    maxLength: 2_549,
    pattern: '^[^,]+(,[^,]+){0,49}$',
    description: 'Only tasks of these types, separated by commas.',
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.split(',') : value,
  )
  @IsArray()
  @ArrayMaxSize(50)
  @AreTaskTypes()
  task_types?: string[];

  @ApiPropertyOptional({ type: 'integer', minimum: 0, maximum: 25, default: 25 })
  @IsOptional()
  @WholeNumber(0, 25)
  wait_seconds: number = 25;
}

export class WaitDto {
  @ApiProperty({
    type: 'integer',
    description: 'How many tasks are due; 100 stands for 100 or more.',
    example: 1,
  })
  pending: number;
}

export class SteerDto {
  @ApiPropertyOptional({ maxLength: 1_000, example: 'The budget was cut' })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;
}

export class CancelDto extends SteerDto {
  @ApiPropertyOptional({
    description:
      'Whether to cancel also the open tasks below this one that your role routed, or that were routed along the chain.',
    default: false,
  })
  @IsOptional()
  @IsBoolean()
  cascade?: boolean;
}

/** A task in its tree; of one that the caller may not read, only the first two members are told. */
export class TaskNodeDto {
  @ApiProperty({ format: 'uuid', example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c' })
  id: string;

  @ApiProperty({ example: 'active' })
  status: string;

  @ApiPropertyOptional({ example: 'budget_approval' })
  task_type?: string;

  @ApiPropertyOptional({ example: 'finance' })
  from_role?: string;

  @ApiPropertyOptional({ example: 'manager' })
  to_role?: string;

  @ApiProperty({
    type: () => [TaskNodeDto],
    description: 'The tasks that are part of it, the oldest first.',
  })
  children: TaskNodeDto[];
}

/** One thing that happened to a task. */
export class TimelineEntryDto {
  @ApiProperty({ type: String, format: 'date-time', example: '2026-01-31T12:00:05.000Z' })
  at: Date;

  @ApiProperty({ example: 'task_claimed' })
  event: string;

  @ApiProperty({ description: 'The role acted for.', example: 'manager' })
  role: string;

  @ApiProperty({
    description: 'The subject that acted.',
    example: 'https://idp.example.com/realms/corp#manager-agent',
  })
  actor: string;

  @ApiPropertyOptional({ example: 'pending' })
  from?: string;

  @ApiPropertyOptional({ example: 'active' })
  to?: string;

  @ApiPropertyOptional({
    description: 'The rule that it followed from, such as `lease_lost`.',
    example: 'lease_lost',
  })
  reason?: string;

  @ApiPropertyOptional({
    description: 'Why, in the words of the agent that released, cancelled or retried.',
    example: 'The budget was cut',
  })
  told?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description: 'The cancelled task whose cascade cancelled this one.',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  cause?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'When the attempt falls due, of an event that sets it.',
    example: '2026-01-31T12:00:00.000Z',
  })
  not_before?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description: 'The approval that the task was parked for, or that made it due.',
    example: '019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c',
  })
  until_approval?: string;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    example: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  })
  session_id: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, example: null })
  approval_id: string | null;
}

/** Somebody that a task waits for. */
export class WaitsForDto {
  @ApiProperty({
    enum: ['claim', 'due_time', 'worker', 'approval'],
    description:
      'An agent to claim it; its time to come; its worker; a decision, or that its required approval is requested again.',
    example: 'worker',
  })
  what: 'claim' | 'due_time' | 'worker' | 'approval';

  @ApiProperty({ description: 'The role, or the subject, that it waits for.', example: 'manager' })
  who: string;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-01-31T12:00:05.000Z' })
  since: Date;

  @ApiPropertyOptional({
    format: 'uuid',
    description:
      'The pending approval, of `approval`; absent where the required approval has to be requested again.',
    example: '019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c',
  })
  approval_id?: string;
}

export class TimelineDto {
  @ApiProperty({ type: [TimelineEntryDto], description: 'The first one first.' })
  events: TimelineEntryDto[];

  @ApiProperty({
    type: Boolean,
    description: 'Whether the oldest 1,000 events are all there is.',
    example: true,
  })
  complete: boolean;

  @ApiProperty({
    type: [WaitsForDto],
    description:
      'Whom it waits for now, by the clock of the database; empty once it has ended, or is past its deadline, run limit or retention.',
  })
  waits_for: WaitsForDto[];
}
