import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { INVISIBLE_CHARACTERS } from '../../common/invisible-characters.js';
import { KeepRaw, IsJsonObject, IsTimestampText } from '../../http/validators.js';

/** Words with dots between them. What an agent reports is stored as `agent.<category>.<action>`, so that no dot forges. */
const WORDS = /^(?=.{1,43}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const WORDS_MESSAGE =
  '$property must be 1 to 43 letters, digits, "_" or "-", with single dots in between';
const TRACE = new RegExp(`^(?=.*\\S)[^${INVISIBLE_CHARACTERS}]{1,200}$`, 'u');

/** What an agent reports of its own doing, in the words of the v0.4 agents. */
export class IngestEventDto {
  @ApiProperty({
    minLength: 1,
    maxLength: 200,
    description: 'The part of the agent that reports.',
    example: 'policy-engine',
  })
  @IsString()
  @Length(1, 200)
  source: string;

  @ApiProperty({ pattern: WORDS.source, example: 'policy' })
  @Matches(WORDS, { message: WORDS_MESSAGE })
  category: string;

  @ApiProperty({ pattern: WORDS.source, example: 'evaluated' })
  @Matches(WORDS, { message: WORDS_MESSAGE })
  action: string;

  @ApiPropertyOptional({
    maxLength: 1_000,
    description: 'Whom or what it is about.',
    example: 'invoice 4711',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  subject?: string;

  @ApiPropertyOptional({
    description:
      'The workflow it belongs to. An id that is no UUID, such as `trace-001`, is kept in the metadata as `reported_trace_id`, and replaced by a UUID that is always the same for the same id.',
    maxLength: 200,
    example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
  })
  @Transform(({ value }: { value: unknown }) => (value === '' ? undefined : value))
  @IsOptional()
  @Matches(TRACE, { message: 'traceId must be 1 to 200 printable characters' })
  traceId?: string;

  @ApiPropertyOptional({
    description: 'When it happened, by the agent’s clock.',
    example: '2026-01-31T12:00:00Z',
  })
  @IsOptional()
  @IsTimestampText()
  timestamp?: string;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { rule: 'limit' } })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;

  @ApiPropertyOptional({
    description: 'What was done, as text or as an object.',
    oneOf: [{ type: 'string' }, { type: 'object', additionalProperties: true }],
    example: 'Over the limit',
  })
  @IsOptional()
  @KeepRaw()
  content?: unknown;
}

export class IngestAckDto {
  @ApiProperty({ format: 'uuid', example: '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c' })
  event_id: string;

  @ApiProperty({ enum: ['accepted'], example: 'accepted' })
  status: 'accepted';

  @ApiProperty({ format: 'uuid', example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c' })
  trace_id: string;
}
