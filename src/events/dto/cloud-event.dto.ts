import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class EventDataDto {
  @ApiProperty({
    description: 'The subject that caused the event, or `system`.',
    example: 'https://idp.example.com/realms/corp#manager-agent',
  })
  actor: string;

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

/** An event in the JSON format of CloudEvents 1.0. */
export class CloudEventDto {
  @ApiProperty({ enum: ['1.0'], example: '1.0' })
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

  @ApiProperty({ enum: ['application/json'], example: 'application/json' })
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

  @ApiProperty({ type: EventDataDto })
  data: EventDataDto;
}

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
