import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { withPrefix } from '../../common/ids.js';
import type { Approval } from '../approval.entity.js';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';

const APPROVAL = '019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c';
const TASK = '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c';

@ApiSchema({ description: 'The response of `POST /approvals`, in the format of v0.4.' })
export class ApprovalAckDto {
  @ApiProperty({ description: 'The id of the approval.', example: `approval-${APPROVAL}` })
  approval_id: string;

  @ApiProperty({
    description: 'Status of the approval.',
    enum: APPROVAL_STATUSES,
    example: 'pending',
  })
  status: ApprovalStatus;

  @ApiProperty({ description: 'The id of its task.', example: `task-${TASK}` })
  task_id: string;
}

export function toApprovalAck({ id, status, task_id }: Approval): ApprovalAckDto {
  return { approval_id: withPrefix('approval', id), status, task_id: withPrefix('task', task_id) };
}
