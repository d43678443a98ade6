import { ApiProperty } from '@nestjs/swagger';
import { prefixed } from '../../http/ids.js';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';
import type { Approval } from '../approval.entity.js';

const APPROVAL = '019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c';
const TASK = '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';

export class ApprovalDto {
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

  @ApiProperty({ type: String, nullable: true, example: null })
  decided_by: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  decision_at: Date | null;

  @ApiProperty({ type: String, format: 'date-time', example: '2026-01-31T12:00:00.000Z' })
  created_at: Date;
}

/** The approval as the API shows it. */
export function toApprovalDto(approval: Approval): ApprovalDto {
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
  return { approval_id: prefixed('approval', id), status, task_id: prefixed('task', task_id) };
}
