import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { isObject } from '../../http/aliases.js';
import { MAX_ERROR_LENGTH } from '../../http/failure-report.js';
import { Normalised, Repaired } from '../../http/normalise.decorator.js';
import { IsJsonObject } from '../../http/validators.js';
import { LIFECYCLE_EVENTS, type LifecycleEvent } from '../../lifecycle/session-status.js';
import { fromFailureBody } from './failure-body.js';
import { ERROR_DESCRIPTION } from './update-session.dto.js';

/** v0.4 agents send the event in any letter case. */
function lowerCaseEvent(body: unknown): unknown {
  return isObject(body) && typeof body.event === 'string'
    ? { ...body, event: body.event.toLowerCase() }
    : body;
}

const EVENTS = Object.keys(LIFECYCLE_EVENTS);

@Normalised(lowerCaseEvent)
@Repaired(fromFailureBody(['event', 'metadata', 'retryable', 'withdraw_pending']))
export class LifecycleEventDto {
  @ApiProperty({
    enum: EVENTS,
    description: 'Event to apply. Any letter case is accepted.',
    example: 'activate',
  })
  @IsIn(EVENTS, { message: `Invalid transition: event must be one of ${EVENTS.join(', ')}` })
  event: LifecycleEvent;

  @ApiPropertyOptional({
    default: false,
    description:
      'Only with event `complete`. If `true`, completion withdraws the pending approvals that you requested on the task. If `false`, such an approval refuses it with 409 `approval.pending`.',
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
    description:
      'Only with event `fail`. If `true`, the next attempt of the task opens after a pause, or the task becomes `dead` if no attempts are left. If `false`, the task fails permanently.',
  })
  @IsOptional()
  @IsBoolean()
  retryable?: boolean;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'JSON object for the agent’s own use. Replaces the stored metadata.',
    example: { step: 'done' },
  })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;
}
