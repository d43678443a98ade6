import { ApiProperty, ApiPropertyOptional, ApiSchema, PickType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { INVISIBLE_CHARACTERS } from '../../common/invisible-characters.js';
import { KeepRaw, IsJsonObject, IsTimestampText } from '../../http/validators.js';

/** Words with single dots between them, so that the stored type `agent.<category>.<action>` has no empty part. */
const WORDS = /^(?=.{1,43}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const WORDS_MESSAGE =
  '$property must be 1 to 43 letters, digits, "_" or "-", with single dots in between';
const TRACE = new RegExp(`^(?=.*\\S)[^${INVISIBLE_CHARACTERS}]{1,200}$`, 'u');

@ApiSchema({ description: 'An event that an agent reports about itself, in the format of v0.4.' })
export class ReportedEventDto {
  @ApiProperty({
    minLength: 1,
    maxLength: 200,
    description: 'The component of the agent that reports the event.',
    example: 'policy-engine',
  })
  @IsString()
  @Length(1, 200)
  source: string;

  @ApiProperty({
    pattern: WORDS.source,
    description: 'The category, the second part of the event type.',
    example: 'policy',
  })
  @Matches(WORDS, { message: WORDS_MESSAGE })
  category: string;

  @ApiProperty({
    pattern: WORDS.source,
    description:
      'The action, the last part of the event type. Category and action together have at most 43 characters.',
    example: 'evaluated',
  })
  @Matches(WORDS, { message: WORDS_MESSAGE })
  action: string;

  @ApiPropertyOptional({
    maxLength: 1_000,
    description: 'The person or thing that the event is about.',
    example: 'invoice 4711',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  subject?: string;

  @ApiPropertyOptional({
    description:
      'The trace that the event belongs to. Default: the trace of the request. An id that is not a UUID, such as `trace-001`, is stored in the metadata as `reported_trace_id`, and the event has a UUID derived from it. The same id always has the same UUID.',
    maxLength: 200,
    example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
  })
  @Transform(({ value }: { value: unknown }) => (value === '' ? undefined : value))
  @IsOptional()
  @Matches(TRACE, { message: 'traceId must be 1 to 200 printable characters' })
  traceId?: string;

  @ApiPropertyOptional({
    description:
      'When the event happened, by the clock of the agent. Stored in the metadata as `reported_at`.',
    example: '2026-01-31T12:00:00Z',
  })
  @IsOptional()
  @IsTimestampText()
  timestamp?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Further details, stored in the metadata of the event.',
    example: { rule: 'limit' },
  })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;

  @ApiPropertyOptional({
    description: 'The content of the report, as text or as an object.',
    oneOf: [{ type: 'string' }, { type: 'object', additionalProperties: true }],
    example: 'Over the limit',
  })
  @IsOptional()
  @KeepRaw()
  content?: unknown;
}

@ApiSchema({ description: 'The response to one reported event.' })
export class IngestAckDto {
  @ApiProperty({
    format: 'uuid',
    description: 'The id of the stored event.',
    example: '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c',
  })
  event_id: string;

  @ApiProperty({ enum: ['accepted'], description: 'Always `accepted`.', example: 'accepted' })
  status: 'accepted';

  @ApiProperty({
    format: 'uuid',
    description: 'The trace that the event is stored under.',
    example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
  })
  trace_id: string;
}

@ApiSchema({ description: 'A stored event of a batch.' })
class IngestedEventDto extends PickType(IngestAckDto, ['event_id', 'trace_id']) {}

@ApiSchema({ description: 'The response to a batch of reported events.' })
export class IngestBatchAckDto extends PickType(IngestAckDto, ['status']) {
  @ApiProperty({ type: 'integer', description: 'Number of stored events.', example: 2 })
  count: number;

  @ApiProperty({
    type: [IngestedEventDto],
    description: 'The stored events, in the order of the request.',
  })
  events: IngestedEventDto[];
}
