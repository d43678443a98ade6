import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { IsId } from '../../http/ids.js';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName } from '../../http/validators.js';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';

export class ListApprovalsQuery extends CursorQuery {
  @ApiPropertyOptional({
    enum: APPROVAL_STATUSES,
    description: 'Only approvals with this status.',
  })
  @IsOptional()
  @IsIn(APPROVAL_STATUSES, { message: `status must be one of ${APPROVAL_STATUSES.join(', ')}` })
  status?: ApprovalStatus;

  @ApiPropertyOptional({ description: 'Only approvals with this approver role.' })
  @IsOptional()
  @IsRoleName()
  approver_role?: string;

  @ApiPropertyOptional({ description: 'Only approvals of this task: a UUID, or `task-<uuid>`.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    enum: ['me'],
    description:
      '`me`: only approvals that you can decide now. They are pending, for one of your roles, and four eyes do not exclude you.',
  })
  @IsOptional()
  @IsIn(['me'], { message: 'waiting_for must be me' })
  waiting_for?: 'me';

  @ApiPropertyOptional({ enum: ['me'], description: '`me`: only approvals that you requested.' })
  @IsOptional()
  @IsIn(['me'], { message: 'asked_by must be me' })
  asked_by?: 'me';
}
