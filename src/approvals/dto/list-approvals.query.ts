import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { IsId } from '../../http/ids.js';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName } from '../../http/validators.js';
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

  @ApiPropertyOptional({
    enum: ['me'],
    description: 'What you can decide now: pending, for a role of yours, and not barred to you.',
  })
  @IsOptional()
  @IsIn(['me'], { message: 'waiting_for must be me' })
  waiting_for?: 'me';

  @ApiPropertyOptional({ enum: ['me'], description: 'What you have asked for yourself.' })
  @IsOptional()
  @IsIn(['me'], { message: 'asked_by must be me' })
  asked_by?: 'me';
}
