import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { TASK_STATUSES, type TaskStatus } from '../../lifecycle/task-status.js';
import type { ClaimApproval, EarlierDecision } from '../approval-context.sql.js';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';

@ApiSchema({ description: 'Another decision about the same payload of the same task.' })
export class EarlierDecisionDto {
  @ApiProperty({
    description: 'Id of the approval.',
    format: 'uuid',
    example: '019a1b2c-4444-7f5a-8b6c-7d8e9f0a1b2c',
  })
  approval_id: string;

  @ApiProperty({
    description: 'Status of the approval.',
    enum: APPROVAL_STATUSES,
    example: 'approved',
  })
  status: ApprovalStatus;

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
    description: 'When it was decided or withdrawn.',
    example: null,
  })
  decision_at: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When it was consumed.',
    example: null,
  })
  consumed_at: Date | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject that consumed it.',
    example: null,
  })
  consumed_by: string | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The number of the attempt in which it was consumed.',
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

@ApiSchema({ description: 'Type, description and status of the task of an approval.' })
export class ApprovedTaskDto {
  @ApiProperty({ description: 'The type of the task.', example: 'budget_approval' })
  task_type: string;

  @ApiProperty({
    description: 'The description of the task. A list contains its first 200 characters.',
    example: 'Approve the Q3 marketing budget',
  })
  description: string;

  @ApiProperty({ description: 'Status of the task.', enum: TASK_STATUSES, example: 'active' })
  status: TaskStatus;
}

@ApiSchema({ description: 'An approval of a claimed task.' })
export class ClaimApprovalDto {
  @ApiProperty({
    description: 'Id of the approval.',
    format: 'uuid',
    example: '019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c',
  })
  approval_id: string;

  @ApiProperty({ description: 'The role that decides.', example: 'manager' })
  approver_role: string;

  @ApiProperty({ type: 'integer', description: 'The number of this stage, from 1.', example: 1 })
  stage: number;

  @ApiProperty({
    type: [String],
    description: 'The approver roles of all stages, in order.',
    example: ['manager'],
  })
  stages: string[];

  @ApiProperty({
    description: 'Status of the approval.',
    enum: APPROVAL_STATUSES,
    example: 'approved',
  })
  status: ApprovalStatus;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'SHA-256 of the approved payload, in hexadecimal. Compare it with the digest of your action.',
    example: '0a9d5d1ad4b0f1a2e6f6c8f1b8c3b9a57b1e9b3f6f7d3d1f0e6a8c1d2e3f4a5b',
  })
  digest: string | null;

  @ApiProperty({ description: 'Whether the action may be repeated.', example: false })
  repeat: boolean;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Until when the approval can be decided.',
    example: null,
  })
  expires_at: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Until when the approval can be consumed.',
    example: null,
  })
  consume_until: Date | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When it was consumed. If it is set, the action may already have happened.',
    example: null,
  })
  consumed_at: Date | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject that consumed it.',
    example: null,
  })
  consumed_by: string | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'The number of the attempt in which it was consumed.',
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
