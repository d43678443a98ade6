import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import type { AuditEvent } from '../audit-event.entity.js';

@ApiSchema({ description: 'An event of the audit log.' })
export class AuditEventDto {
  @ApiProperty({
    description: 'Id of the event.',
    format: 'uuid',
    example: '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c',
  })
  id: string;

  @ApiProperty({
    description: 'The type of the event. Types of events that agents report start with `agent.`.',
    example: 'session_transitioned',
  })
  event_type: string;

  @ApiProperty({ description: 'The acting role of the actor.', example: 'manager' })
  role: string;

  @ApiProperty({
    description: 'The subject that caused the event, or `system`.',
    example: 'https://idp.example.com/realms/corp#manager-agent',
  })
  actor: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'When the event was recorded, by the clock of the database.',
    example: '2026-01-31T12:00:05.000Z',
  })
  timestamp: Date;

  @ApiProperty({
    format: 'uuid',
    description: 'The trace that the event belongs to.',
    example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
  })
  trace_id: string;

  @ApiProperty({
    format: 'uuid',
    type: String,
    nullable: true,
    description: 'The task that the event is about, if any.',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  task_id: string | null;

  @ApiProperty({
    format: 'uuid',
    type: String,
    nullable: true,
    description: 'The session that the event is about, if any.',
    example: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  })
  session_id: string | null;

  @ApiProperty({
    format: 'uuid',
    type: String,
    nullable: true,
    description: 'The approval that the event is about, if any.',
    example: null,
  })
  approval_id: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Details of the event. Its members depend on the type.',
    example: { from: 'pending', to: 'active' },
  })
  metadata: Record<string, unknown>;
}

/** Maps an audit event to its representation in the API. */
export function toAuditEventDto(event: AuditEvent): AuditEventDto {
  return {
    id: event.id,
    event_type: event.event_type,
    role: event.role,
    actor: event.actor,
    timestamp: event.timestamp,
    trace_id: event.trace_id,
    task_id: event.task_id,
    session_id: event.session_id,
    approval_id: event.approval_id,
    metadata: event.metadata,
  };
}

@ApiSchema({ description: 'A page of audit events, oldest first.' })
export class AuditPageDto {
  @ApiProperty({ type: [AuditEventDto], description: 'The events, oldest first.' })
  events: AuditEventDto[];

  @ApiProperty({ type: 'integer', description: 'Maximum number of events.', example: 20 })
  page_size: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The cursor of the next page; null on the last page.',
    example: null,
  })
  next_cursor: string | null;
}
