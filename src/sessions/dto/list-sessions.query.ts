import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { WholeNumber } from '../../config/variable.js';
import { IsId } from '../../http/ids.js';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName } from '../../http/rules.js';
import { SESSION_STATUSES, type SessionStatus } from '../../lifecycle/session-status.js';

export class ListSessionsQuery extends CursorQuery {
  @ApiPropertyOptional({ description: 'The role that the session acts for.' })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({ enum: SESSION_STATUSES })
  @IsOptional()
  @IsIn(SESSION_STATUSES, { message: `status must be one of ${SESSION_STATUSES.join(', ')}` })
  status?: SessionStatus;

  @ApiPropertyOptional({ description: 'Bare, or as `task-<uuid>`.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    description:
      'Pages by number, with a total. To walk through everything, follow `next_cursor` instead.',
  })
  @IsOptional()
  @WholeNumber(1, 10_000)
  page?: number;
}
