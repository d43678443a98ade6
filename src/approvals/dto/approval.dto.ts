import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';
import type { AgentKind } from '../../auth/agent.js';
import {
  ApprovedTaskDto,
  EarlierDecisionDto,
  toEarlierDecisionDto,
} from './approval-context.dto.js';
import type { ApprovalRow } from '../approval-rows.sql.js';
import { ApprovalRequestDto } from './approval-request.dto.js';

@ApiSchema({
  description:
    'A request for a decision about a payload, and the decision. Each stage is an approval.',
})
export class ApprovalDto extends ApprovalRequestDto {
  @ApiPropertyOptional({
    type: Boolean,
    description:
      'True in a replay, the response to a repeated request with the same `Idempotency-Key`; else absent.',
  })
  replayed?: true;

  @ApiProperty({
    description: 'Status of the approval.',
    enum: APPROVAL_STATUSES,
    example: 'pending',
  })
  status: ApprovalStatus;

  @ApiProperty({ description: 'The comments of the deciding vote.', example: '' })
  notes: string;

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

  @ApiProperty({ type: 'integer', description: 'The number of votes to approve.', example: 0 })
  votes: number;

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
    type: String,
    enum: ['human', 'agent', null],
    nullable: true,
    description:
      'The kind of the subject of the deciding vote. Null for decisions before this member existed.',
    example: null,
  })
  decided_by_kind: AgentKind | null;

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

  @ApiProperty({ description: 'Summary of the task, for the approver.', type: ApprovedTaskDto })
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

@ApiSchema({ description: 'A page of approvals.' })
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
