import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { IsId } from '../../http/ids.js';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName } from '../../http/rules.js';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';

export class ListApprovalsQuery extends CursorQuery {
  @ApiPropertyOptional({ enum: APPROVAL_STATUSES })
  @IsOptional()
  @IsIn(APPROVAL_STATUSES, { message: `status must be one of ${APPROVAL_STATUSES.join(', ')}` })
  status?: ApprovalStatus;

  @ApiPropertyOptional({ description: 'The role that is to decide.' })
  @IsOptional()
  @IsRoleName()
  approver_role?: string;

  @ApiPropertyOptional({ description: 'Bare, or as `task-<uuid>`.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;
}
