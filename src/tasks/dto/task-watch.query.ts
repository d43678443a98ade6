import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { WaitSeconds } from '../../http/wait-seconds.js';

/** Query of `GET /tasks/{id}`: how long to wait, and for which change. */
export class TaskWatchQuery {
  @WaitSeconds(
    'Seconds to wait for a change. The response is sent as soon as the task, an attempt or an approval differs from `If-None-Match`; without `If-None-Match`, at the next change, or at once if the task has ended. A heartbeat is no change.',
  )
  wait_seconds?: number;

  @ApiPropertyOptional({
    enum: ['finished'],
    description:
      'Only with `wait_seconds`. `finished`: wait until the task has ended, and not for other changes.',
  })
  @IsOptional()
  @IsIn(['finished'], { message: 'until must be finished' })
  until?: 'finished';
}
