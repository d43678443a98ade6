import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { withPrefix } from '../../http/ids.js';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';
import { APPROVER_KINDS, type ApproverKind } from '../approver-kind.js';
import type { AgentKind } from '../../auth/agent.js';
import {
  ApprovedTaskDto,
  EarlierDecisionDto,
  toEarlierDecisionDto,
} from './approval-context.dto.js';
import type { Approval } from '../approval.entity.js';
import type { ApprovalRow } from '../approval-rows.js';

const APPROVAL = '019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c';
const TASK = '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';

export class ApprovalDto {
  @ApiPropertyOptional({
    type: Boolean,
    description:
      'True in a replay, the response to a repeated request with the same `Idempotency-Key`; else absent.',
  })
  replayed?: true;

  @ApiProperty({ format: 'uuid', example: APPROVAL })
  id: string;

  @ApiProperty({ format: 'uuid', example: TASK })
  task_id: string;

  @ApiProperty({ description: 'The role that decides.', example: 'manager' })
  approver_role: string;

  @ApiProperty({ enum: APPROVAL_STATUSES, example: 'pending' })
  status: ApprovalStatus;

  @ApiProperty({
    description: 'Why the approval is requested.',
    example: 'Over the limit of 10,000',
  })
  reason: string;

  @ApiProperty({ description: 'The comments of the deciding vote.', example: '' })
  notes: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'The subject that requested the approval. Null if the assignee role decided without a request.',
    example: 'https://idp.example.com/realms/corp#finance-agent',
  })
  requested_by: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The role that requested the approval.',
    example: 'finance',
  })
  requested_role: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject of the deciding vote.',
    example: null,
  })
  decided_by: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When the approval was decided or withdrawn.',
    example: null,
  })
  decision_at: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'When the approval was requested, or decided without a request.',
    example: '2026-01-31T12:00:00.000Z',
  })
  created_at: Date;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'The payload to approve. Null for approvals older than payloads.',
    example: { amount: 50000 },
  })
  payload: Record<string, unknown> | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'SHA-256 of the payload in canonical JSON (RFC 8785), in hexadecimal.',
    example: '0a9d5d1ad4b0f1a2e6f6c8f1b8c3b9a57b1e9b3f6f7d3d1f0e6a8c1d2e3f4a5b',
  })
  digest: string | null;

  @ApiProperty({
    type: 'integer',
    description: 'The number of subjects of the approver role that must approve.',
    example: 1,
  })
  quorum: number;

  @ApiProperty({ type: 'integer', description: 'The number of votes to approve.', example: 0 })
  votes: number;

  @ApiProperty({ type: 'integer', description: 'The number of this stage, from 1.', example: 1 })
  stage: number;

  @ApiProperty({
    type: [String],
    description: 'The approver roles of all stages, in order. Each stage is an approval.',
    example: ['manager'],
  })
  stages: string[];

  @ApiProperty({
    format: 'uuid',
    description: 'The id of the approval of the first stage. All stages have the same `chain_id`.',
    example: APPROVAL,
  })
  chain_id: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description:
      'Until when the approval can be decided. Null if it was decided without a request.',
    example: '2026-02-03T12:00:00.000Z',
  })
  expires_at: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Until when the approval can be consumed. Set when the last stage is approved.',
    example: null,
  })
  consume_until: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When the approval was consumed.',
    example: null,
  })
  consumed_at: Date | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject that consumed the approval.',
    example: null,
  })
  consumed_by: string | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The id of the approval that this one resubmits.',
    example: null,
  })
  supersedes: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The role that delegated the decision.',
    example: null,
  })
  delegated_from: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The approver role before an admin reassigned the decision.',
    example: null,
  })
  reassigned_from: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The admin that reassigned the decision.',
    example: null,
  })
  reassigned_by: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When the decision was reassigned. Earlier votes do not count.',
    example: null,
  })
  reassigned_at: Date | null;

  @ApiProperty({
    enum: APPROVER_KINDS,
    description: 'The kind of approver needed. `human`: only a person can decide.',
    example: 'any',
  })
  approver_kind: ApproverKind;

  @ApiProperty({
    type: String,
    enum: ['human', 'agent', null],
    nullable: true,
    description:
      'The kind of the subject of the deciding vote. Null for decisions before this member existed.',
    example: null,
  })
  decided_by_kind: AgentKind | null;

  @ApiProperty({
    description:
      'Whether the action may be repeated after an approval of the same payload was consumed. `reason` explains why.',
    example: false,
  })
  repeat: boolean;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The number of the attempt in which the approval was consumed.',
    example: null,
  })
  consumed_attempt: number | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The id of the session of that attempt, if an agent held it.',
    example: null,
  })
  consumed_session_id: string | null;

  @ApiProperty({
    type: [EarlierDecisionDto],
    description:
      'Other decisions about the same payload of the same task: at most 10, latest first.',
  })
  earlier: EarlierDecisionDto[];

  @ApiProperty({ type: ApprovedTaskDto })
  task: ApprovedTaskDto;
}

/** Maps an approval to its representation in the API. */
export function toApprovalDto(approval: ApprovalRow): ApprovalDto {
  return {
    id: approval.id,
    task_id: approval.task_id,
    approver_role: approval.approver_role,
    status: approval.status,
    reason: approval.reason,
    notes: approval.notes,
    requested_by: approval.requested_by,
    requested_role: approval.requested_role,
    decided_by: approval.decided_by,
    decision_at: approval.decision_at,
    created_at: approval.created_at,
    payload: approval.payload,
    digest: approval.digest,
    quorum: approval.quorum,
    votes: approval.votes,
    stage: approval.stage,
    stages: approval.stages,
    chain_id: approval.chain_id,
    expires_at: approval.expires_at,
    consume_until: approval.consume_until,
    consumed_at: approval.consumed_at,
    consumed_by: approval.consumed_by,
    supersedes: approval.supersedes,
    delegated_from: approval.delegated_from,
    reassigned_from: approval.reassigned_from,
    reassigned_by: approval.reassigned_by,
    reassigned_at: approval.reassigned_at,
    approver_kind: approval.approver_kind,
    decided_by_kind: approval.decided_by_kind,
    repeat: approval.repeat,
    consumed_attempt: approval.consumed_attempt,
    consumed_session_id: approval.consumed_session_id,
    earlier: approval.earlier.map(toEarlierDecisionDto),
    task: approval.task,
  };
}

export class ApprovalPageDto {
  @ApiProperty({ type: [ApprovalDto], description: 'The approvals, newest first.' })
  approvals: ApprovalDto[];

  @ApiProperty({ type: 'integer', description: 'Maximum number of approvals.', example: 20 })
  page_size: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The cursor of the next page; null on the last page.',
    example: null,
  })
  next_cursor: string | null;
}

/** The response of `POST /approvals`, in the format of v0.4. */
export class ApprovalAckDto {
  @ApiProperty({ description: 'The id of the approval.', example: `approval-${APPROVAL}` })
  approval_id: string;

  @ApiProperty({ enum: APPROVAL_STATUSES, example: 'pending' })
  status: ApprovalStatus;

  @ApiProperty({ description: 'The id of its task.', example: `task-${TASK}` })
  task_id: string;
}

export function toApprovalAck({ id, status, task_id }: Approval): ApprovalAckDto {
  return { approval_id: withPrefix('approval', id), status, task_id: withPrefix('task', task_id) };
}
