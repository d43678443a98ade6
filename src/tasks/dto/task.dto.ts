import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ApprovalDto } from '../../approvals/dto/approval.dto.js';
import type { RequiredApproval } from '../../lifecycle/locked-task.js';
import { TASK_STATUSES, type TaskStatus } from '../../lifecycle/task-status.js';
import { SessionDto } from '../../sessions/dto/session.dto.js';
import { PRIORITIES, type Priority } from '../priority.js';
import type { TaskView } from '../task-view.js';

const TASK = '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';
const TRACE = '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c';

@ApiSchema({ description: 'A task, with the facts of its latest attempt.' })
export class TaskDto {
  @ApiPropertyOptional({
    type: Boolean,
    description:
      '`true` in a replay: the request was executed before with the same `Idempotency-Key`. Absent otherwise.',
  })
  replayed?: true;

  @ApiProperty({ format: 'uuid', description: 'Id of the task.', example: TASK })
  id: string;

  @ApiProperty({ description: 'Type of the task.', example: 'budget_approval' })
  task_type: string;

  @ApiProperty({
    description: 'Description of the work, for the assignee.',
    example: 'Approve the Q3 marketing budget',
  })
  description: string;

  @ApiProperty({ description: 'Requester role.', example: 'finance' })
  from_role: string;

  @ApiProperty({ description: 'Role to which the task is assigned.', example: 'manager' })
  to_role: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Input of the task.',
    example: { amount: 50000 },
  })
  data: Record<string, unknown>;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'Additional information for the assignee.',
    example: {},
  })
  context: Record<string, unknown>;

  @ApiProperty({
    enum: TASK_STATUSES,
    description:
      'Status of the latest attempt, except `cancelled` (the task was cancelled) and `dead` (all attempts are used up).',
    example: 'pending',
  })
  status: TaskStatus;

  @ApiProperty({
    format: 'uuid',
    description: 'Id of the session of the latest attempt.',
    example: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c',
  })
  session_id: string;

  @ApiProperty({
    type: 'integer',
    description: 'Number of the latest attempt, from 1.',
    example: 1,
  })
  attempt: number;

  @ApiProperty({ enum: PRIORITIES, description: 'Priority in the inbox.', example: 'normal' })
  priority: Priority;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description:
      'Deadline, after which the task can neither be claimed nor retried; `null` if it has none.',
    example: null,
  })
  deadline_at: Date | null;

  @ApiProperty({ type: 'integer', description: 'Maximum number of attempts.', example: 3 })
  max_attempts: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description:
      'Maximum run time of one attempt in seconds, from its claim. Heartbeats do not extend it. `null` if there is no limit.',
    example: null,
  })
  max_run_seconds: number | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Id of the parent task; `null` if the task is not a subtask.',
    example: null,
  })
  parent_task_id: string | null;

  // Not a $ref to RequiredApprovalDto, because a reference cannot be nullable.
  @ApiProperty({
    type: 'object',
    nullable: true,
    description: 'Approval that the completion of the task requires; `null` if none.',
    properties: {
      role: { type: 'string', description: 'Approver role.' },
      quorum: { type: 'integer', description: 'Number of subjects that must approve.' },
      expires_in_seconds: { type: 'integer', description: 'Time to decide, in seconds.' },
      approver_kind: {
        type: 'string',
        enum: ['any', 'human'],
        description: '`human`: only a person can decide.',
      },
    },
    required: ['role', 'quorum', 'expires_in_seconds'],
    example: null,
  })
  requires_approval: RequiredApproval | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'Approval for which the latest attempt is or was parked; `null` if none.',
    example: null,
  })
  parked_until_approval: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Subject that claimed the latest attempt; `null` if it is not claimed.',
    example: null,
  })
  claimed_by: string | null;

  @ApiProperty({ format: 'uuid', description: 'Trace of the workflow.', example: TRACE })
  trace_id: string;

  @ApiProperty({
    type: String,
    nullable: true,
    required: false,
    description:
      'The span that routed the task (W3C Trace Context), with which its worker continues the trace; `null` if there was none, absent from instances of version 0.4.',
    example: null,
  })
  traceparent: string | null;

  @ApiProperty({
    description: 'Subject that routed the task.',
    example: 'https://idp.example.com/realms/corp#finance-agent',
  })
  created_by: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Time at which the task was routed.',
    example: '2026-01-31T12:00:00.000Z',
  })
  created_at: Date;
}

@ApiSchema({
  description: 'A cancelled task, and the ids of the tasks that its cascade cancelled.',
})
export class CancelledTaskDto extends TaskDto {
  @ApiPropertyOptional({
    type: [String],
    format: 'uuid',
    description: 'Ids of the cancelled tasks, this one first. Only with `cascade`.',
    example: [TASK],
  })
  cancelled_tasks?: string[];
}

/** Maps a task to its API representation. */
export function toTaskDto(task: TaskView): TaskDto {
  return {
    id: task.id,
    task_type: task.task_type,
    description: task.description,
    from_role: task.from_role,
    to_role: task.to_role,
    data: task.data,
    context: task.context,
    status: task.status,
    session_id: task.session_id,
    attempt: task.attempt,
    priority: task.priority,
    deadline_at: task.deadline_at,
    max_attempts: task.max_attempts,
    max_run_seconds: task.max_run_seconds,
    parent_task_id: task.parent_task_id,
    requires_approval: task.requires_approval,
    parked_until_approval: task.parked_for,
    claimed_by: task.claimed_by,
    trace_id: task.trace_id,
    traceparent: task.traceparent,
    created_by: task.created_by,
    created_at: task.created_at,
  };
}

@ApiSchema({ description: 'A task with its attempts and approvals.' })
export class TaskDetailDto extends TaskDto {
  @ApiProperty({ type: [SessionDto], description: 'Attempts, oldest first.' })
  attempts: SessionDto[];

  @ApiProperty({ type: [ApprovalDto], description: 'Approvals, oldest first.' })
  approvals: ApprovalDto[];

  @ApiProperty({
    description:
      'Whether `attempts` and `approvals` are complete. Each is limited to about 4 MB; beyond that the oldest are missing. Read them with `GET /sessions?task_id=…` and `GET /approvals?task_id=…`.',
    example: true,
  })
  complete: boolean;
}
