import { ApiProperty } from '@nestjs/swagger';
import { TASK_STATUSES, type TaskStatus } from '../../lifecycle/task-status.js';
import type { ClaimApproval, EarlierDecision } from '../approval-context.js';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';

/** Another decision about the same payload, for the same task. */
export class EarlierDecisionDto {
  @ApiProperty({ format: 'uuid', example: '019a1b2c-4444-7f5a-8b6c-7d8e9f0a1b2c' })
  approval_id: string;

  @ApiProperty({ enum: APPROVAL_STATUSES, example: 'approved' })
  status: ApprovalStatus;

  @ApiProperty({ type: String, nullable: true, example: null })
  decided_by: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  decision_at: Date | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  consumed_at: Date | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  consumed_by: string | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The attempt that it was consumed in.',
    example: 1,
  })
  attempt: number | null;
}

export function toEarlierDecisionDto(row: EarlierDecision): EarlierDecisionDto {
  return {
    approval_id: row.approval_id,
    status: row.status,
    decided_by: row.decided_by,
    decision_at: dateOf(row.decision_at),
    consumed_at: dateOf(row.consumed_at),
    consumed_by: row.consumed_by,
    attempt: row.attempt,
  };
}

function dateOf(time: string | null): Date | null {
  return time === null ? null : new Date(time);
}

/** What the task of an approval is about, and how it stands. */
export class ApprovedTaskDto {
  @ApiProperty({ example: 'budget_approval' })
  task_type: string;

  @ApiProperty({
    description: 'In a list at most 200 characters of it.',
    example: 'Approve the Q3 marketing budget',
  })
  description: string;

  @ApiProperty({ enum: TASK_STATUSES, example: 'active' })
  status: TaskStatus;
}

/** An approval of a claimed task. */
export class ClaimApprovalDto {
  @ApiProperty({ format: 'uuid', example: '019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c' })
  approval_id: string;

  @ApiProperty({ example: 'manager' })
  approver_role: string;

  @ApiProperty({ type: 'integer', example: 1 })
  stage: number;

  @ApiProperty({ type: [String], example: ['manager'] })
  stages: string[];

  @ApiProperty({ enum: APPROVAL_STATUSES, example: 'approved' })
  status: ApprovalStatus;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'SHA-256 of the approved payload; compare it with the act that follows.',
    example: '0a9d5d1ad4b0f1a2e6f6c8f1b8c3b9a57b1e9b3f6f7d3d1f0e6a8c1d2e3f4a5b',
  })
  digest: string | null;

  @ApiProperty({ description: 'Whether the act may be a repetition.', example: false })
  repeat: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  expires_at: Date | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  consume_until: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When it was consumed: the act may have happened already.',
    example: null,
  })
  consumed_at: Date | null;

  @ApiProperty({ type: String, nullable: true, example: null })
  consumed_by: string | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The attempt that it was consumed in.',
    example: null,
  })
  attempt: number | null;
}

export function toClaimApprovalDto(row: ClaimApproval): ClaimApprovalDto {
  return {
    approval_id: row.approval_id,
    approver_role: row.approver_role,
    stage: row.stage,
    stages: row.stages,
    status: row.status,
    digest: row.digest,
    repeat: row.repeat,
    expires_at: dateOf(row.expires_at),
    consume_until: dateOf(row.consume_until),
    consumed_at: dateOf(row.consumed_at),
    consumed_by: row.consumed_by,
    attempt: row.attempt,
  };
}
