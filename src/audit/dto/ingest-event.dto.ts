import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { AsSent, IsJsonObject, IsTimestampText } from '../../http/rules.js';

const WORD = /^[A-Za-z0-9_-]{1,43}$/;
const WORD_MESSAGE = '$property must be 1 to 43 letters, digits, "_" or "-"';
const TRACE = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** What an agent reports of its own doing, in the words of the v0.4 agents. */
export class IngestEventDto {
  @ApiProperty({ description: 'The part of the agent that reports.', example: 'policy-engine' })
  @IsString()
  @Length(1, 200)
  source: string;

  @ApiProperty({ example: 'policy' })
  @Matches(WORD, { message: WORD_MESSAGE })
  category: string;

  @ApiProperty({ example: 'evaluated' })
  @Matches(WORD, { message: WORD_MESSAGE })
  action: string;

  @ApiPropertyOptional({ description: 'Whom or what it is about.', example: 'invoice 4711' })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  subject?: string;

  @ApiPropertyOptional({
    description: 'The workflow it belongs to, as a UUID.',
    example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
  })
  @IsOptional()
  @Matches(TRACE, { message: 'traceId must be a UUID' })
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
  @AsSent()
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
