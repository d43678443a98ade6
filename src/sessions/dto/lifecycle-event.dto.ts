import { ApiProperty, PickType } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { isRecord } from '../../common/is-record.js';
import { Normalised, Repaired } from '../../http/normalise.decorator.js';
import { LIFECYCLE_EVENTS, type LifecycleEvent } from '../../lifecycle/session-status.js';
import { fromFailureBody } from './failure-body.js';
import { UpdateSessionDto } from './update-session.dto.js';

/** v0.4 agents send the event in any letter case. */
function lowerCaseEvent(body: unknown): unknown {
  return isRecord(body) && typeof body.event === 'string'
    ? { ...body, event: body.event.toLowerCase() }
    : body;
}

/** Members of a change that an event can have too. */
const SHARED_MEMBERS = ['metadata', 'retryable', 'error', 'withdraw_pending'] as const;

const EVENTS = Object.keys(LIFECYCLE_EVENTS);

@Normalised(lowerCaseEvent)
@Repaired(fromFailureBody(['event', ...SHARED_MEMBERS]))
export class LifecycleEventDto extends PickType(UpdateSessionDto, SHARED_MEMBERS) {
  @ApiProperty({
    enum: EVENTS,
    description: 'Event to apply. Any letter case is accepted.',
    example: 'activate',
  })
  @IsIn(EVENTS, { message: `Invalid transition: event must be one of ${EVENTS.join(', ')}` })
  event: LifecycleEvent;
}
