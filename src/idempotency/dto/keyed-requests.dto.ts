import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import type { IdempotencyRecord } from '../idempotency-record.entity.js';

@ApiSchema({ description: 'An executed keyed request.' })
export class KeyedRequestDto {
  @ApiProperty({ description: 'HTTP method of the request.', example: 'POST' })
  method: string;

  @ApiProperty({ description: 'Path of the request.', example: '/tasks/route' })
  path: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The acting role of the request. Null: it changed nothing.',
    example: 'finance',
  })
  role: string | null;

  @ApiProperty({
    type: 'integer',
    description: 'The HTTP status of the first response.',
    example: 202,
  })
  status: number;

  // Inline, because a reference to a schema cannot be nullable.
  @ApiProperty({
    type: 'object',
    nullable: true,
    description: 'The resource that the request created or changed. Null: none.',
    properties: {
      type: { type: 'string', description: 'Kind of the resource, for example `task`.' },
      id: { type: 'string', format: 'uuid', description: 'Id of the resource.' },
    },
    required: ['type', 'id'],
    example: { type: 'task', id: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c' },
  })
  resource: { type: string; id: string } | null;

  @ApiProperty({
    description: 'Time at which the request was executed.',
    type: String,
    format: 'date-time',
    example: '2026-01-31T12:00:00.000Z',
  })
  created_at: Date;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Expiry of the record. After this time the idempotency key counts as new.',
    example: '2026-02-01T12:00:00.000Z',
  })
  expires_at: Date;
}

@ApiSchema({ description: 'The requests that were executed with an idempotency key.' })
export class KeyedRequestsDto {
  @ApiProperty({ type: [KeyedRequestDto], description: 'The requests, latest first.' })
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
