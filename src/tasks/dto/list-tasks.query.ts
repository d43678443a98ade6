import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName, IsTaskType, IsTimestamp } from '../../http/validators.js';
import { TASK_STATUSES, type TaskStatus } from '../../lifecycle/task-status.js';

export class ListTasksQuery extends CursorQuery {
  @ApiPropertyOptional({
    description:
      'Return only tasks that are assigned to this role. With `status=pending` the response is the inbox of the role.',
  })
  @IsOptional()
  @IsRoleName()
  to_role?: string;

  @ApiPropertyOptional({ description: 'Return only tasks that this role requested.' })
  @IsOptional()
  @IsRoleName()
  from_role?: string;

  @ApiPropertyOptional({ enum: TASK_STATUSES, description: 'Return only tasks with this status.' })
  @IsOptional()
  @IsIn(TASK_STATUSES, { message: `status must be one of ${TASK_STATUSES.join(', ')}` })
  status?: TaskStatus;

  @ApiPropertyOptional({
    description: 'Return only tasks of this type, for example `budget_approval`.',
  })
  @IsOptional()
  @IsTaskType()
  task_type?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Return only tasks of this workflow.' })
  @IsOptional()
  @IsUUID('all', { message: 'trace_id must be a UUID' })
  trace_id?: string;

  @ApiPropertyOptional({
    description:
      'Return only tasks that were created at or after this time (RFC 3339), for example `2026-01-31T00:00:00Z`.',
  })
  @IsOptional()
  @IsTimestamp()
  created_since?: string;

  @ApiPropertyOptional({
    enum: ['me'],
    description:
      '`me`: only tasks whose latest attempt you claimed. With `status=active`: those that you hold now.',
  })
  @IsOptional()
  @IsIn(['me'], { message: 'claimed_by must be me' })
  claimed_by?: 'me';
}
