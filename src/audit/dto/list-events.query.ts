import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { IsId } from '../../http/ids.js';
import { PageSizeQuery } from '../../http/page.dto.js';
import { IsRoleName, IsTimestamp } from '../../http/validators.js';
import { MAX_AUDIT_CURSOR } from '../audit-cursor.js';

export class ListEventsQuery extends PageSizeQuery {
  @ApiPropertyOptional({
    maxLength: MAX_AUDIT_CURSOR,
    description:
      'The `next_cursor` of the previous page. Default: the first page. Events of transactions that were in progress at the previous page follow on this one.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_AUDIT_CURSOR)
  cursor?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Only events of this trace.' })
  @IsOptional()
  @IsUUID('all', { message: 'trace_id must be a UUID' })
  trace_id?: string;

  @ApiPropertyOptional({ description: 'Only events of this task: a UUID, or `task-<uuid>`.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    pattern: '^[A-Za-z0-9_.-]{1,50}$',
    description: 'Only events of this type, such as `task_routed`.',
  })
  @IsOptional()
  @Matches(/^[a-z0-9_.-]{1,50}$/i, {
    message: 'event_type must be 1 to 50 letters, digits, "_", "." or "-"',
  })
  event_type?: string;

  @ApiPropertyOptional({ description: 'Only events with this acting role.' })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    description: 'Only events at or after this time, such as `2026-01-31T00:00:00Z`.',
  })
  @IsOptional()
  @IsTimestamp()
  from?: string;

  @ApiPropertyOptional({ description: 'Only events before this time.' })
  @IsOptional()
  @IsTimestamp()
  to?: string;
}
