import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  MaxLength,
} from 'class-validator';
import { WholeNumber } from '../../common/whole-number.js';
import { IsId } from '../../http/ids.js';
import { WaitSeconds } from '../../http/wait-seconds.js';

const TYPE = /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/i;

/** Selects events of the event log. */
export class EventStreamQuery {
  @ApiPropertyOptional({
    maxLength: 25,
    description:
      'A cursor, such as `1.4711`: `next` or `head` of a page, or the `id` of an event of a stream. The word `head` is the present end of the log.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  after?: string;

  @ApiPropertyOptional({
    type: String,
    maxLength: 2_549,
    description:
      'Only events of these types, separated by commas, such as `approval.requested,approval.decided`.',
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.split(',') : value,
  )
  @IsArray()
  @ArrayMaxSize(50)
  @MaxLength(50, { each: true })
  @Matches(TYPE, { each: true, message: 'each of types must be an event type such as task.routed' })
  types?: string[];

  @ApiPropertyOptional({ description: 'Only events of this task: a UUID, or `task-<uuid>`.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Only events of this trace.' })
  @IsOptional()
  @IsUUID('all', { message: 'trace_id must be a UUID' })
  trace_id?: string;
}

export class EventsQuery extends EventStreamQuery {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 500,
    default: 100,
    description: 'Maximum number of events. A page of about 4 MB ends earlier.',
  })
  @IsOptional()
  @WholeNumber(1, 500)
  limit: number = 100;

  @WaitSeconds('Maximum time to wait for an event, in seconds, if there is none yet.', {
    byDefault: 0,
  })
  wait_seconds: number = 0;
}
