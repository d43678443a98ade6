import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsUUID, Matches } from 'class-validator';
import { IsId } from '../../http/ids.js';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName, IsTimestamp } from '../../http/rules.js';

export class ListEventsQuery extends CursorQuery {
  @ApiPropertyOptional({ format: 'uuid', example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c' })
  @IsOptional()
  @IsUUID('all', { message: 'trace_id must be a UUID' })
  trace_id?: string;

  @ApiPropertyOptional({ example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({ example: 'task_routed' })
  @IsOptional()
  @Matches(/^[a-z0-9_.-]{1,50}$/i, { message: 'event_type must be the name of an event type' })
  event_type?: string;

  @ApiPropertyOptional({ example: 'manager' })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({ description: 'At this time or later.', example: '2026-01-31T00:00:00Z' })
  @IsOptional()
  @IsTimestamp()
  from?: string;

  @ApiPropertyOptional({ description: 'Before this time.', example: '2026-02-01T00:00:00Z' })
  @IsOptional()
  @IsTimestamp()
  to?: string;
}
