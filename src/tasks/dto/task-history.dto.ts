import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';

@ApiSchema({
  description:
    'A task in its tree. For a task that the caller cannot read, only `id`, `status` and `children` are present.',
})
export class TaskNodeDto {
  @ApiProperty({
    format: 'uuid',
    description: 'Id of the task.',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  id: string;

  @ApiProperty({ description: 'Status of the task.', example: 'active' })
  status: string;

  @ApiPropertyOptional({
    description: 'Type of the task. Absent if you cannot read the task.',
    example: 'budget_approval',
  })
  task_type?: string;

  @ApiPropertyOptional({
    description: 'Requester role. Absent if you cannot read the task.',
    example: 'finance',
  })
  from_role?: string;

  @ApiPropertyOptional({
    description: 'Role to which the task is assigned. Absent if you cannot read the task.',
    example: 'manager',
  })
  to_role?: string;

  @ApiProperty({
    type: () => [TaskNodeDto],
    description: 'Subtasks, oldest first.',
  })
  children: TaskNodeDto[];
}

@ApiSchema({
  description: 'An audit event of a task, one of its attempts or one of its approvals.',
})
export class TimelineEntryDto {
  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Time of the event.',
    example: '2026-01-31T12:00:05.000Z',
  })
  at: Date;

  @ApiProperty({ description: 'Type of the event.', example: 'task_claimed' })
  event: string;

  @ApiProperty({ description: 'Role of the actor.', example: 'manager' })
  role: string;

  @ApiProperty({
    description: 'Subject that caused the event, or `system`.',
    example: 'https://idp.example.com/realms/corp#manager-agent',
  })
  actor: string;

  @ApiPropertyOptional({ description: 'Status before the event.', example: 'pending' })
  from?: string;

  @ApiPropertyOptional({
    description: 'Status after the event, or the decision of an approval.',
    example: 'active',
  })
  to?: string;

  @ApiPropertyOptional({
    description: 'Cause of the change, for example `lease_lost`.',
    example: 'lease_lost',
  })
  reason?: string;

  @ApiPropertyOptional({
    description:
      'Reason that the caller gave, for example for a release, cancellation or withdrawal.',
    example: 'The budget was cut',
  })
  told?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description: 'Id of the task whose cascade cancelled this task.',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  cause?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'Time at which the attempt becomes due, if the event sets it.',
    example: '2026-01-31T12:00:00.000Z',
  })
  not_before?: string;

  @ApiPropertyOptional({
    format: 'uuid',
    description: 'Approval for which the task was parked, or whose end made it due.',
    example: '019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c',
  })
  until_approval?: string;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Session of the event; `null` if it has none.',
    example: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  })
  session_id: string | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Approval of the event; `null` if it has none.',
    example: null,
  })
  approval_id: string | null;
}

@ApiSchema({ description: 'A role or subject for which a task waits.' })
export class WaitsForDto {
  @ApiProperty({
    enum: ['claim', 'due_time', 'worker', 'approval'],
    description:
      '`claim`: an agent has to claim the task. `due_time`: the task is not due yet. `worker`: its worker has to complete it. `approval`: an approval has to be decided, or the required approval has to be requested again.',
    example: 'worker',
  })
  what: 'claim' | 'due_time' | 'worker' | 'approval';

  @ApiProperty({
    description: 'Role or subject for which the task waits.',
    example: 'manager',
  })
  who: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Start of the wait.',
    example: '2026-01-31T12:00:05.000Z',
  })
  since: Date;

  @ApiPropertyOptional({
    format: 'uuid',
    description:
      'Of `approval`: id of the pending approval. Absent if the required approval has to be requested again. Of `claim`: id of the approval that the worker voted on, so that another agent has to complete the task.',
    example: '019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c',
  })
  approval_id?: string;
}

@ApiSchema({ description: 'The events of a task, and the role or the time that it waits for.' })
export class TimelineDto {
  @ApiProperty({
    type: [TimelineEntryDto],
    description: 'Events, oldest first, at most 1,000.',
  })
  events: TimelineEntryDto[];

  @ApiProperty({
    type: Boolean,
    description: 'Whether `events` contains all events of the task.',
    example: true,
  })
  complete: boolean;

  @ApiProperty({
    type: [WaitsForDto],
    description:
      'Roles and subjects for which the task waits now, by the clock of PostgreSQL. Empty if the task has ended, or if the next sweep ends it.',
  })
  waits_for: WaitsForDto[];
}
