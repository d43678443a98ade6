import { ApiProperty } from '@nestjs/swagger';
import type { IdempotencyRecord } from '../idempotency-record.entity.js';

/** What became of one request. */
export class KeyedRequestDto {
  @ApiProperty({ example: 'POST' })
  method: string;

  @ApiProperty({ example: '/tasks/route' })
  path: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The role that it was carried out for.',
    example: 'finance',
  })
  role: string | null;

  @ApiProperty({ type: 'integer', description: 'What it was answered with.', example: 202 })
  status: number;

  // Not as a reference: what that refers to could not be null.
  @ApiProperty({
    type: 'object',
    nullable: true,
    description: 'What it made or changed.',
    properties: { type: { type: 'string' }, id: { type: 'string', format: 'uuid' } },
    required: ['type', 'id'],
    example: { type: 'task', id: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c' },
  })
  resource: { type: string; id: string } | null;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-01-31T12:00:00.000Z' })
  created_at: Date;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'From then on the key is new.',
    example: '2026-02-01T12:00:00.000Z',
  })
  expires_at: Date;
}

export class KeyedRequestsDto {
  @ApiProperty({ type: [KeyedRequestDto], description: 'The latest first.' })
  requests: KeyedRequestDto[];
}

export function toKeyedRequestDto(record: IdempotencyRecord): KeyedRequestDto {
  const { resource_type: type, resource_id: id } = record;
  return {
    method: record.method,
    path: record.path,
    role: record.acting_role,
    status: record.response_status,
    resource: type !== null && id !== null ? { type, id } : null,
    created_at: record.created_at,
    expires_at: record.expires_at,
  };
}
