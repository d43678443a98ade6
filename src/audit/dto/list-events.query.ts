import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsUUID, Matches } from 'class-validator';
import { IsId } from '../../http/ids.js';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName, IsTimestamp } from '../../http/validators.js';

export class ListEventsQuery extends CursorQuery {
  @ApiPropertyOptional({ format: 'uuid', description: 'One workflow.' })
  @IsOptional()
  @IsUUID('all', { message: 'trace_id must be a UUID' })
  trace_id?: string;

  @ApiPropertyOptional({ description: 'Bare, or as `task-<uuid>`.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({ pattern: '^[A-Za-z0-9_.-]{1,50}$', description: 'Such as `task_routed`.' })
  @IsOptional()
  @Matches(/^[a-z0-9_.-]{1,50}$/i, { message: 'event_type must be the name of an event type' })
  event_type?: string;

  @ApiPropertyOptional({ description: 'The role acted for.' })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({ description: 'At this time or later, as `2026-01-31T00:00:00Z`.' })
  @IsOptional()
  @IsTimestamp()
  from?: string;

  @ApiPropertyOptional({ description: 'Before this time.' })
  @IsOptional()
  @IsTimestamp()
  to?: string;
}
