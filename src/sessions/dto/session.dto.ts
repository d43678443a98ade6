import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import {
  ENDED_REASONS,
  type EndedReason,
  SESSION_STATUSES,
  type SessionStatus,
} from '../../lifecycle/session-status.js';
import type { WithdrawnApproval } from '../../lifecycle/task-end.js';
import { isIncomplete } from '../../http/failure-report.js';
import type { Session } from '../session.entity.js';
import { toWithdrawnApprovalDto, WithdrawnApprovalDto } from './withdrawn-approval.dto.js';

const ID = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

@ApiSchema({
  description:
    'A session: one attempt at a task, or a plain session. It has the member names of v0.4 as deprecated duplicates.',
})
export class SessionDto {
  @ApiPropertyOptional({
    type: Boolean,
    description:
      '`true` in a replay: the request was executed before with the same `Idempotency-Key`. Absent otherwise.',
  })
  replayed?: true;

  @ApiProperty({ format: 'uuid', description: 'Id of the session.', example: ID })
  id: string;

  @ApiProperty({ format: 'uuid', deprecated: true, description: 'Same as `id`.', example: ID })
  session_id: string;

  @ApiProperty({ description: 'Org role that the session acts for.', example: 'manager' })
  role: string;

  @ApiProperty({ deprecated: true, description: 'Same as `role`.', example: 'manager' })
  agent_role: string;

  @ApiProperty({
    enum: SESSION_STATUSES,
    description: 'Status of the session. `completed`, `failed` and `expired` are final.',
    example: 'active',
  })
  status: SessionStatus;

  @ApiProperty({
    enum: SESSION_STATUSES,
    deprecated: true,
    description: 'Same as `status`.',
    example: 'active',
  })
  state: SessionStatus;

  @ApiProperty({
    format: 'uuid',
    type: String,
    nullable: true,
    description: 'Id of the task that the session belongs to; `null` if it has none.',
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  task_id: string | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description:
      'Number of the attempt at the task, from 1; `null` if the session is not an attempt (a plain session).',
    example: 1,
  })
  attempt: number | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'JSON object for the agent’s own use.',
    example: { step: 'reading the request' },
  })
  metadata: Record<string, unknown>;

  @ApiProperty({
    type: 'integer',
    description: 'Version, from 1. Each change adds 1; a heartbeat does not.',
    example: 2,
  })
  version: number;

  @ApiProperty({
    format: 'uuid',
    description: 'Trace of the workflow: that of the task, otherwise that of the request.',
    example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
  })
  trace_id: string;

  @ApiProperty({
    description:
      'Subject that created the session. For an attempt, the subject that routed the task.',
    example: 'https://idp.example.com/realms/corp#finance-agent',
  })
  created_by: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'Subject that claimed or activated the session. Only this subject, or an admin, can end it. `null` before that.',
    example: 'https://idp.example.com/realms/corp#manager-agent',
  })
  claimed_by: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description:
      'Lease expiry. Send a heartbeat before this time. `null` if the session has no lease.',
    example: null,
  })
  lease_expires_at: Date | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description:
      'Length of the lease in seconds. A heartbeat without `lease_seconds` renews the lease for this time. `null` if the session never had a lease.',
    example: null,
  })
  lease_seconds: number | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description:
      'Run limit: the time of the claim plus `max_run_seconds` of the task. Heartbeats do not extend it. `null` if the attempt is not claimed yet or the task has no limit.',
    example: null,
  })
  run_until: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Time at which the attempt becomes due; `null` if it was due when it was opened.',
    example: null,
  })
  not_before: Date | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description:
      'Approval for which the attempt is or was parked: it becomes due when the approval ends. `null` if none.',
    example: null,
  })
  parked_until_approval: string | null;

  @ApiProperty({
    enum: [...ENDED_REASONS, null],
    type: String,
    nullable: true,
    description:
      'Cause of the end; `null` while the session is open. `worker`: the agent reported a failure. `retention`: the session was open longer than `SESSION_RETENTION_DAYS`.',
    example: null,
  })
  ended_reason: EndedReason | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'Result of a completed session; `null` if none was sent.',
    example: null,
  })
  result: Record<string, unknown> | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Error of a failed session, as its agent reported it; `null` if none was sent.',
    example: null,
  })
  error: string | null;

  @ApiProperty({
    description:
      'Whether the stored `error` is incomplete. If so, its last line, `[incomplete: …]`, names the changes.',
    example: false,
  })
  error_truncated: boolean;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Time of creation.',
    example: '2026-01-31T12:00:00.000Z',
  })
  created_at: Date;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Time of the last change.',
    example: '2026-01-31T12:00:05.000Z',
  })
  updated_at: Date;

  @ApiProperty({
    type: [WithdrawnApprovalDto],
    required: false,
    description:
      'Pending approvals that this request withdrew because it completed the task. Absent if there are none.',
  })
  withdrawn_approvals?: WithdrawnApprovalDto[];
}

/** Maps a session to its API representation. */
export function toSessionDto(session: Session): SessionDto {
  const { id, role, status } = session;
  return {
    id,
    session_id: id,
    role,
    agent_role: role,
    status,
    state: status,
    task_id: session.task_id,
    attempt: session.attempt,
    metadata: session.metadata,
    version: session.version,
    trace_id: session.trace_id,
    created_by: session.created_by,
    claimed_by: session.claimed_by,
    lease_expires_at: session.lease_expires_at,
    lease_seconds: session.lease_seconds,
    run_until: session.run_until,
    not_before: session.not_before,
    parked_until_approval: session.parked_for,
    ended_reason: session.ended_reason,
    result: session.result,
    error: session.error,
    error_truncated: isIncomplete(session.error),
    created_at: session.created_at,
    updated_at: session.updated_at,
  };
}

/** Maps a changed session, with the approvals that the completion of its task withdrew. */
export function toChangedSessionDto(
  session: Session,
  withdrawn: readonly WithdrawnApproval[],
): SessionDto {
  if (withdrawn.length === 0) return toSessionDto(session);
  return {
    ...toSessionDto(session),
    withdrawn_approvals: withdrawn.map(toWithdrawnApprovalDto),
  };
}
