import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { isObject } from '../../http/aliases.js';
import { MAX_ERROR_LENGTH } from '../../http/failure-report.js';
import { Normalised, Repaired } from '../../http/normalise.decorator.js';
import { IsJsonObject } from '../../http/rules.js';
import { LIFECYCLE_EVENTS, type LifecycleEvent } from '../../lifecycle/session-status.js';
import { fromFailureBody } from './failure-body.js';
import { ERROR_DESCRIPTION } from './update-session.dto.js';

/** v0.4 agents write the event in any letter case. */
function lowerCaseEvent(body: unknown): unknown {
  return isObject(body) && typeof body.event === 'string'
    ? { ...body, event: body.event.toLowerCase() }
    : body;
}

const EVENTS = Object.keys(LIFECYCLE_EVENTS);

@Normalised(lowerCaseEvent)
@Repaired(fromFailureBody(['event', 'metadata', 'retryable', 'withdraw_pending']))
export class LifecycleEventDto {
  @ApiProperty({ enum: EVENTS, description: 'In any letter case.', example: 'activate' })
  @IsIn(EVENTS, { message: `Invalid transition: event must be one of ${EVENTS.join(', ')}` })
  event: LifecycleEvent;

  @ApiPropertyOptional({
    default: false,
    description:
      'With event `complete`: whether pending approvals that you asked for are withdrawn. Without it they are 409 `approval.pending`.',
  })
  @IsOptional()
  @IsBoolean()
  withdraw_pending?: boolean;

  @ApiPropertyOptional({ description: ERROR_DESCRIPTION, example: 'The ledger is closed' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_ERROR_LENGTH)
  error?: string;

  @ApiPropertyOptional({
    default: false,
    description: 'With `fail`, of an attempt: whether another attempt may succeed.',
  })
  @IsOptional()
  @IsBoolean()
  retryable?: boolean;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Replaces what is there.',
    example: { step: 'done' },
  })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;
}
