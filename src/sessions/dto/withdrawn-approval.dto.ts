import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { withPrefix } from '../../common/ids.js';
import type { WithdrawnApproval } from '../../lifecycle/task-end.js';

@ApiSchema({ description: 'An approval that the completion of its task withdrew.' })
export class WithdrawnApprovalDto {
  @ApiProperty({
    description: 'Id of the approval, with its prefix.',
    example: 'approval-019a1b2c-5555-7f5a-8b6c-7d8e9f0a1b2c',
  })
  approval_id: string;

  @ApiProperty({ description: 'Role that had not decided yet.', example: 'manager' })
  approver_role: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Subject that requested the approval.',
    example: 'https://idp.example.com/realms/corp#finance-agent',
  })
  requested_by: string | null;
}

export function toWithdrawnApprovalDto({
  id,
  approver_role,
  requested_by,
}: WithdrawnApproval): WithdrawnApprovalDto {
  return { approval_id: withPrefix('approval', id), approver_role, requested_by };
}
