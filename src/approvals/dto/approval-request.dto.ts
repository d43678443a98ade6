import { ApiProperty } from '@nestjs/swagger';
import { APPROVER_KINDS, type ApproverKind } from '../approver-kind.js';

const APPROVAL = '019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c';
const TASK = '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';

/** The members of an approval that its request sets. */
export class ApprovalRequestDto {
  @ApiProperty({ description: 'Id of the approval.', format: 'uuid', example: APPROVAL })
  id: string;

  @ApiProperty({ description: 'Id of its task.', format: 'uuid', example: TASK })
  task_id: string;

  @ApiProperty({ description: 'The role that decides.', example: 'manager' })
  approver_role: string;

  @ApiProperty({
    description: 'Why the approval is requested.',
    example: 'Over the limit of 10,000',
  })
  reason: string;

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
    format: 'uuid',
    nullable: true,
    description: 'The id of the approval that this one resubmits.',
    example: null,
  })
  supersedes: string | null;

  @ApiProperty({
    enum: APPROVER_KINDS,
    description: 'The kind of approver needed. `human`: only a person can decide.',
    example: 'any',
  })
  approver_kind: ApproverKind;

  @ApiProperty({
    description:
      'Whether the action may be repeated after an approval of the same payload was consumed. `reason` explains why.',
    example: false,
  })
  repeat: boolean;
}
