import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ENDED_REASONS,
  type EndedReason,
  SESSION_STATUSES,
  type SessionStatus,
} from '../../lifecycle/session-status.js';
import { prefixed } from '../../http/ids.js';
import type { WithdrawnApproval } from '../../lifecycle/task-end.js';
import { isIncomplete } from '../../http/failure-report.js';
import type { Session } from '../session.entity.js';

const ID = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

/** An approval that was withdrawn because its task was completed. */
export class WithdrawnApprovalDto {
  @ApiProperty({ example: 'approval-019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c' })
  approval_id: string;

  @ApiProperty({ description: 'The role that had to decide.', example: 'manager' })
  approver_role: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject that asked.',
    example: 'https://idp.example.com/realms/corp#finance-agent',
  })
  requested_by: string | null;
}

function toWithdrawnApprovalDto({
  id,
  approver_role,
  requested_by,
}: WithdrawnApproval): WithdrawnApprovalDto {
  return { approval_id: prefixed('approval', id), approver_role, requested_by };
}

/** A session, in today's words and in those of the v0.4 agents. */
export class SessionDto {
  @ApiPropertyOptional({
    type: Boolean,
    description:
      'Only in the response to a request that was sent again with its `Idempotency-Key`.',
  })
  replayed?: true;

  @ApiProperty({ format: 'uuid', example: ID })
  id: string;

  @ApiProperty({ format: 'uuid', deprecated: true, description: 'The same as `id`.', example: ID })
  session_id: string;

  @ApiProperty({ example: 'manager' })
  role: string;

  @ApiProperty({ deprecated: true, description: 'The same as `role`.', example: 'manager' })
  agent_role: string;

  @ApiProperty({ enum: SESSION_STATUSES, example: 'active' })
  status: SessionStatus;

  @ApiProperty({
    enum: SESSION_STATUSES,
    deprecated: true,
    description: 'The same as `status`.',
    example: 'active',
  })
  state: SessionStatus;

  @ApiProperty({
    format: 'uuid',
    type: String,
    nullable: true,
    example: '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  task_id: string | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Which attempt of its task the session is, from 1; null: it is not one.',
    example: 1,
  })
  attempt: number | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    example: { step: 'reading the request' },
  })
  metadata: Record<string, unknown>;

  @ApiProperty({ type: 'integer', description: 'Plus 1 for each change.', example: 2 })
  version: number;

  @ApiProperty({ format: 'uuid', example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c' })
  trace_id: string;

  @ApiProperty({
    description: 'The subject that made it.',
    example: 'https://idp.example.com/realms/corp#finance-agent',
  })
  created_by: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject that activated it and may finish it.',
    example: 'https://idp.example.com/realms/corp#manager-agent',
  })
  claimed_by: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Lease expiry. Send a heartbeat before this time. Null: it has no lease.',
    example: null,
  })
  lease_expires_at: Date | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description:
      'The length of its lease in seconds, which a heartbeat keeps unless it gives another.',
    example: null,
  })
  lease_seconds: number | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description:
      'The end of the attempt whatever its heartbeats: its claim plus the `max_run_seconds` of the task. Null: no limit.',
    example: null,
  })
  run_until: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'From when an attempt may be claimed; null: at once.',
    example: null,
  })
  not_before: Date | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description:
      'The approval that the attempt was parked for: it falls due when that is settled. Null: none.',
    example: null,
  })
  parked_until_approval: string | null;

  @ApiProperty({ enum: [...ENDED_REASONS, null], type: String, nullable: true, example: null })
  ended_reason: EndedReason | null;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true, example: null })
  result: Record<string, unknown> | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  error: string | null;

  @ApiProperty({
    description:
      'Whether the error is not all that its agent sent: its last line, `[incomplete: …]`, says what is missing.',
    example: false,
  })
  error_truncated: boolean;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-01-31T12:00:00.000Z' })
  created_at: Date;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-01-31T12:00:05.000Z' })
  updated_at: Date;

  @ApiProperty({
    type: [WithdrawnApprovalDto],
    required: false,
    description:
      'Only where this request completed a task: the pending approvals that it withdrew.',
  })
  withdrawn_approvals?: WithdrawnApprovalDto[];
}

/** The session as the API shows it. */
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

/** The session with what the completion of its task withdrew, if it withdrew anything. */
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

export class SessionPageDto {
  @ApiProperty({ type: [SessionDto] })
  sessions: SessionDto[];

  @ApiProperty({ type: 'integer', required: false, description: 'Only with `page`.', example: 1 })
  total?: number;

  @ApiProperty({ type: 'integer', required: false, description: 'Only with `page`.', example: 1 })
  page?: number;

  @ApiProperty({ type: 'integer', example: 20 })
  page_size: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Null on the last page.',
    example: null,
  })
  next_cursor: string | null;
}
