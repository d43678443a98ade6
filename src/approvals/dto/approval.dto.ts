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
      'Only in the response to a request that was sent again with its `Idempotency-Key`.',
  })
  replayed?: true;

  @ApiProperty({ format: 'uuid', example: APPROVAL })
  id: string;

  @ApiProperty({ format: 'uuid', example: TASK })
  task_id: string;

  @ApiProperty({ description: 'The only role that may decide.', example: 'manager' })
  approver_role: string;

  @ApiProperty({ enum: APPROVAL_STATUSES, example: 'pending' })
  status: ApprovalStatus;

  @ApiProperty({ description: 'Why it is asked for.', example: 'Over the limit of 10,000' })
  reason: string;

  @ApiProperty({ description: 'The decider’s comments.', example: '' })
  notes: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject that asked; null when the decision came without an ask.',
    example: 'https://idp.example.com/realms/corp#finance-agent',
  })
  requested_by: string | null;

  @ApiProperty({ type: String, nullable: true, example: 'finance' })
  requested_role: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject whose vote decided.',
    example: null,
  })
  decided_by: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  decision_at: Date | null;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-01-31T12:00:00.000Z' })
  created_at: Date;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'What exactly is to be approved; null of approvals older than payloads.',
    example: { amount: 50000 },
  })
  payload: Record<string, unknown> | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'SHA-256 of the payload in the canonical JSON of RFC 8785, as hex.',
    example: '0a9d5d1ad4b0f1a2e6f6c8f1b8c3b9a57b1e9b3f6f7d3d1f0e6a8c1d2e3f4a5b',
  })
  digest: string | null;

  @ApiProperty({
    type: 'integer',
    description: 'How many subjects of the approver role have to approve.',
    example: 1,
  })
  quorum: number;

  @ApiProperty({ type: 'integer', description: 'How many have approved.', example: 0 })
  votes: number;

  @ApiProperty({ type: 'integer', description: 'Which of the stages this is.', example: 1 })
  stage: number;

  @ApiProperty({
    type: [String],
    description: 'The roles asked one after the other, each with an approval of its own.',
    example: ['manager'],
  })
  stages: string[];

  @ApiProperty({
    format: 'uuid',
    description: 'What the stages have in common: the id of the first one’s approval.',
    example: APPROVAL,
  })
  chain_id: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'The last moment to decide; null when the decision came without an ask.',
    example: '2026-02-03T12:00:00.000Z',
  })
  expires_at: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'The last moment to use what the last stage approved.',
    example: null,
  })
  consume_until: Date | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  consumed_at: Date | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  consumed_by: string | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The approval that came to nothing and is asked for anew with this one.',
    example: null,
  })
  supersedes: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The role that was asked first, if it handed the decision on.',
    example: null,
  })
  delegated_from: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The role that an admin took the decision from.',
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

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  reassigned_at: Date | null;

  @ApiProperty({
    enum: APPROVER_KINDS,
    description: 'human: only a person may decide.',
    example: 'any',
  })
  approver_kind: ApproverKind;

  @ApiProperty({
    type: String,
    enum: ['human', 'agent', null],
    nullable: true,
    description: 'The kind of the subject whose vote decided; null of older decisions.',
    example: null,
  })
  decided_by_kind: AgentKind | null;

  @ApiProperty({
    description:
      'Whether an act is to be repeated that an approval was consumed for; `reason` says why.',
    example: false,
  })
  repeat: boolean;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The attempt that it was consumed in.',
    example: null,
  })
  consumed_attempt: number | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The session of that attempt.',
    example: null,
  })
  consumed_session_id: string | null;

  @ApiProperty({
    type: [EarlierDecisionDto],
    description:
      'Other decisions about the same payload for the same task: at most 10, the latest first.',
  })
  earlier: EarlierDecisionDto[];

  @ApiProperty({ type: ApprovedTaskDto })
  task: ApprovedTaskDto;
}

/** The approval as the API shows it. */
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
  @ApiProperty({ type: [ApprovalDto] })
  approvals: ApprovalDto[];

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

/** What `POST /approvals` answers, in the words that existing agents read. */
export class ApprovalAckDto {
  @ApiProperty({ example: `approval-${APPROVAL}` })
  approval_id: string;

  @ApiProperty({ enum: APPROVAL_STATUSES, example: 'pending' })
  status: ApprovalStatus;

  @ApiProperty({ example: `task-${TASK}` })
  task_id: string;
}

export function toApprovalAck({ id, status, task_id }: Approval): ApprovalAckDto {
  return { approval_id: withPrefix('approval', id), status, task_id: withPrefix('task', task_id) };
}
