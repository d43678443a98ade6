import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { WholeNumber } from '../../common/whole-number.js';
import { IsId } from '../../http/ids.js';
import { CursorQuery } from '../../http/page.dto.js';
import { IsRoleName } from '../../http/validators.js';
import { SESSION_STATUSES, type SessionStatus } from '../../lifecycle/session-status.js';

export class ListSessionsQuery extends CursorQuery {
  @ApiPropertyOptional({ description: 'Return only sessions that act for this role.' })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    enum: SESSION_STATUSES,
    description: 'Return only sessions with this status.',
  })
  @IsOptional()
  @IsIn(SESSION_STATUSES, { message: `status must be one of ${SESSION_STATUSES.join(', ')}` })
  status?: SessionStatus;

  @ApiPropertyOptional({
    description: 'Return only sessions of this task. A UUID, bare or as `task-<uuid>`.',
  })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    enum: ['me'],
    description:
      '`me`: only sessions that you claimed or activated. With `status=active`: those that you hold now.',
  })
  @IsOptional()
  @IsIn(['me'], { message: 'claimed_by must be me' })
  claimed_by?: 'me';

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    description:
      'Number of the page, from 1. The response then contains `total`. To read all pages, follow `next_cursor` instead. Cannot be combined with `cursor`.',
  })
  @IsOptional()
  @WholeNumber(1, 10_000)
  page?: number;
}
