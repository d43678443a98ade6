import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { renameAliases } from '../../http/aliases.js';
import { IsId } from '../../http/ids.js';
import { Normalised } from '../../http/normalise.decorator.js';
import { IsJsonObject } from '../../http/rules.js';
import { SESSION_STATUSES, type SessionStatus } from '../../lifecycle/session-status.js';

@Normalised((body) => renameAliases(body, { state: 'status' }))
export class UpdateSessionDto {
  @ApiPropertyOptional({
    enum: SESSION_STATUSES,
    description: 'v0.4 agents say `state`.',
    example: 'completed',
  })
  @IsOptional()
  @IsIn(SESSION_STATUSES, { message: `status must be one of ${SESSION_STATUSES.join(', ')}` })
  status?: SessionStatus;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Replaces what is there.',
    example: { step: 'done' },
  })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;

  @ApiPropertyOptional({ description: 'May be set once, on a session that has no task.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'With status `completed`: what came out.',
    example: { approved_amount: 50000 },
  })
  @IsOptional()
  @IsJsonObject()
  result?: Record<string, unknown>;

  @ApiPropertyOptional({
    default: false,
    description: 'With status `failed`, of an attempt: whether another attempt may succeed.',
  })
  @IsOptional()
  @IsBoolean()
  retryable?: boolean;

  @ApiPropertyOptional({ description: 'With status `failed`: what went wrong.', maxLength: 10_000 })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  error?: string;

  @ApiPropertyOptional({
    default: false,
    description:
      'With status `completed`: whether pending approvals that you asked for are withdrawn. Without it they are 409 `approval.pending`.',
  })
  @IsOptional()
  @IsBoolean()
  withdraw_pending?: boolean;
}
