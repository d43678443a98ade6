import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { WholeNumber } from '../../common/whole-number.js';
import { WaitSeconds } from '../../http/wait-seconds.js';

/** Query of `GET /sessions/{id}`: the time to wait for a change, and the version that the caller has. */
export class WatchQuery {
  @WaitSeconds(
    'Seconds to wait for a change. The response is sent as soon as the version of the session differs from `If-None-Match` or `version`; without both, at the next change.',
  )
  wait_seconds?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 2_147_483_647,
    description: 'Only with `wait_seconds`. Version of the session that you have.',
  })
  @IsOptional()
  @WholeNumber(1, 2_147_483_647)
  version?: number;
}
