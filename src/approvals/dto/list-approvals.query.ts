import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { IsId } from '../../http/ids.js';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName } from '../../http/rules.js';
import { APPROVAL_STATUSES, type ApprovalStatus } from '../approval-status.js';

export class ListApprovalsQuery extends CursorQuery {
  @ApiPropertyOptional({ enum: APPROVAL_STATUSES, example: 'pending' })
  @IsOptional()
  @IsIn(APPROVAL_STATUSES, { message: `status must be one of ${APPROVAL_STATUSES.join(', ')}` })
  status?: ApprovalStatus;

  @ApiPropertyOptional({ example: 'manager' })
  @IsOptional()
  @IsRoleName()
  approver_role?: string;

  @ApiPropertyOptional({ example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c' })
  @IsOptional()
  @IsId('task')
  task_id?: string;
}
