import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn } from 'class-validator';
import { LIFECYCLE_EVENTS, type LifecycleEvent } from '../../lifecycle/session-status.js';

const EVENTS = Object.keys(LIFECYCLE_EVENTS);

export class LifecycleEventDto {
  @ApiProperty({ enum: EVENTS, description: 'In any letter case.', example: 'activate' })
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.toLowerCase() : value,
  )
  @IsIn(EVENTS, { message: `Invalid transition: event must be one of ${EVENTS.join(', ')}` })
  event: LifecycleEvent;
}
