import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsOptional, IsUUID } from 'class-validator';
import { AUDIT_LOG_STATES, type AuditLogState } from '../audit-log-state.service.js';

const MAX_EVENTS = 100;
const UUID_CHARACTERS = 36;

/** Query of `GET /audit/log/seals`. */
export class AuditSealsQuery {
  @ApiPropertyOptional({
    type: String,
    maxLength: MAX_EVENTS * (UUID_CHARACTERS + 1) - 1,
    description: 'Ids of at most 100 audit events, separated by commas.',
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.split(',') : value,
  )
  @IsArray()
  @ArrayMaxSize(MAX_EVENTS)
  @IsUUID('all', { each: true, message: 'each of event_ids must be a UUID' })
  event_ids?: string[];
}

@ApiSchema({ description: 'A signed head of the sealed log.' })
export class SealHeadDto {
  @ApiProperty({ type: 'integer', description: 'Number of entries that it covers.', example: 1033 })
  size: number;

  @ApiProperty({
    type: Date,
    description: 'When the controller signed it.',
    example: '2026-11-28T09:40:13.120Z',
  })
  signed_at: Date;
}

@ApiSchema({ description: 'The entry of an audit event in the sealed log.' })
export class EventSealDto {
  @ApiProperty({
    format: 'uuid',
    description: 'Id of the event.',
    example: '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c',
  })
  event_id: string;

  @ApiProperty({
    type: 'integer',
    description: 'Index of its entry in the sealed log, from 0.',
    example: 700,
  })
  seq: number;

  @ApiProperty({
    type: SealHeadDto,
    nullable: true,
    description: 'The first signed head that covers the entry. Null: no head covers it yet.',
  })
  head: SealHeadDto | null;
}

@ApiSchema({ description: 'The state of the sealed log, and the entries of events.' })
export class AuditSealsDto {
  @ApiProperty({
    enum: AUDIT_LOG_STATES,
    description: 'State of the sealed log, as in `GET /health`.',
    example: 'sealing',
  })
  state: AuditLogState;

  @ApiProperty({
    type: 'integer',
    description: 'Number of sealed entries.',
    example: 1040,
  })
  size: number;

  @ApiProperty({
    type: SealHeadDto,
    nullable: true,
    description: 'The newest signed head. Null: there is none.',
  })
  head: SealHeadDto | null;

  @ApiProperty({
    type: [EventSealDto],
    description:
      'The entries of the events of the query that are sealed and that the caller may read.',
  })
  seals: EventSealDto[];
}
