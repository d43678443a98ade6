import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional } from 'class-validator';
import { isObject } from '../../http/aliases.js';
import { Normalised } from '../../http/normalise.decorator.js';
import { LIFECYCLE_EVENTS, type LifecycleEvent } from '../../lifecycle/session-status.js';

/** v0.4 agents write the event in any letter case. */
function lowerCaseEvent(body: unknown): unknown {
  return isObject(body) && typeof body.event === 'string'
    ? { ...body, event: body.event.toLowerCase() }
    : body;
}

const EVENTS = Object.keys(LIFECYCLE_EVENTS);

@Normalised(lowerCaseEvent)
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
}
