import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName, IsTaskType, IsTimestamp } from '../../http/validators.js';
import { TASK_STATUSES, type TaskStatus } from '../../lifecycle/task-status.js';

export class ListTasksQuery extends CursorQuery {
  @ApiPropertyOptional({ description: 'The role that was asked.' })
  @IsOptional()
  @IsRoleName()
  to_role?: string;

  @ApiPropertyOptional({ description: 'The role that asked.' })
  @IsOptional()
  @IsRoleName()
  from_role?: string;

  @ApiPropertyOptional({ enum: TASK_STATUSES })
  @IsOptional()
  @IsIn(TASK_STATUSES, { message: `status must be one of ${TASK_STATUSES.join(', ')}` })
  status?: TaskStatus;

  @ApiPropertyOptional({ description: 'Such as `budget_approval`.' })
  @IsOptional()
  @IsTaskType()
  task_type?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'One workflow.' })
  @IsOptional()
  @IsUUID('all', { message: 'trace_id must be a UUID' })
  trace_id?: string;

  @ApiPropertyOptional({ description: 'At this time or later, as `2026-01-31T00:00:00Z`.' })
  @IsOptional()
  @IsTimestamp()
  created_since?: string;
}
