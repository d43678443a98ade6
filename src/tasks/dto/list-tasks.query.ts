import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, IsUUID, Length } from 'class-validator';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName, IsTimestamp } from '../../http/rules.js';
import { SESSION_STATUSES } from '../../lifecycle/session-status.js';
import type { TaskStatus } from '../../lifecycle/task-facts.js';

export class ListTasksQuery extends CursorQuery {
  @ApiPropertyOptional({ example: 'manager' })
  @IsOptional()
  @IsRoleName()
  to_role?: string;

  @ApiPropertyOptional({ example: 'finance' })
  @IsOptional()
  @IsRoleName()
  from_role?: string;

  @ApiPropertyOptional({ enum: SESSION_STATUSES, example: 'pending' })
  @IsOptional()
  @IsIn(SESSION_STATUSES, { message: `status must be one of ${SESSION_STATUSES.join(', ')}` })
  status?: TaskStatus;

  @ApiPropertyOptional({ example: 'budget_approval' })
  @IsOptional()
  @IsString()
  @Length(1, 50)
  task_type?: string;

  @ApiPropertyOptional({ format: 'uuid', example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c' })
  @IsOptional()
  @IsUUID('all', { message: 'trace_id must be a UUID' })
  trace_id?: string;

  @ApiPropertyOptional({ description: 'At this time or later.', example: '2026-01-31T00:00:00Z' })
  @IsOptional()
  @IsTimestamp()
  created_since?: string;
}
