import { ApiProperty, ApiPropertyOptional, ApiSchema, PickType } from '@nestjs/swagger';
import { AuditEventDto } from '../../audit/dto/audit-event.dto.js';

@ApiSchema({ description: 'The audit event, without the members that a CloudEvent has itself.' })
export class EventDataDto extends PickType(AuditEventDto, [
  'actor',
  'trace_id',
  'task_id',
  'session_id',
  'approval_id',
  'metadata',
] as const) {}

@ApiSchema({ description: 'An event in the JSON format of CloudEvents 1.0.' })
export class CloudEventDto {
  @ApiProperty({
    description: 'Version of the CloudEvents specification.',
    enum: ['1.0'],
    example: '1.0',
  })
  specversion: '1.0';

  @ApiProperty({
    format: 'uuid',
    description: 'Id of the event, equal to its id in the audit log.',
    example: '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c',
  })
  id: string;

  @ApiProperty({
    format: 'uri-reference',
    description: 'The controller: `PUBLIC_URL`, else `urn:agent-mesh-controller`.',
    example: 'https://mesh.example.com',
  })
  source: string;

  @ApiProperty({
    description: 'Type of the event. Types of events that agents report start with `agent.`.',
    example: 'session.transitioned',
  })
  type: string;

  @ApiPropertyOptional({
    description: 'The task, or else the approval or session, that the event is about.',
    example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  subject?: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'When the event was recorded, by the clock of the database.',
    example: '2026-01-31T12:00:05.000Z',
  })
  time: Date;

  @ApiProperty({
    description: 'Media type of `data`.',
    enum: ['application/json'],
    example: 'application/json',
  })
  datacontenttype: 'application/json';

  @ApiProperty({
    pattern: '^[0-9]+$',
    description: 'Position of the event in the event log.',
    example: '4711',
  })
  sequence: string;

  @ApiProperty({
    description: 'The trace of the event (W3C Trace Context).',
    example: '00-0b5e2c1a7f3d4e8b9a6c1d2e3f4a5b6c-8b6c7d8e9f0a1b2c-01',
  })
  traceparent: string;

  @ApiProperty({ description: 'The acting role of the actor.', example: 'manager' })
  role: string;

  @ApiProperty({
    description: 'The audit event, without the members that the CloudEvent has itself.',
    type: EventDataDto,
  })
  data: EventDataDto;
}

@ApiSchema({ description: 'A page of the event log.' })
export class EventPageDto {
  @ApiProperty({ type: [CloudEventDto], description: 'The events, in the order of the event log.' })
  events: CloudEventDto[];

  @ApiProperty({
    description: 'The cursor after this page: the `after` of the next request.',
    example: '1.4711',
  })
  next: string;

  @ApiProperty({
    description:
      'The cursor of the end of the event log. If it differs from `next`, more events can follow at once, even if `events` is empty.',
    example: '1.4711',
  })
  head: string;
}
