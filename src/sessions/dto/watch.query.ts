import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { WholeNumber } from '../../config/variable.js';

/** How long to wait for a change of a session, and from which version on. */
export class WatchQuery {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 25,
    description:
      'For how many seconds to wait until the session is not the version of `If-None-Match` or `version` any more; without both: until its next change.',
  })
  @IsOptional()
  @WholeNumber(0, 25)
  wait_seconds?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 2_147_483_647,
    description: 'With `wait_seconds`: the version that you have.',
  })
  @IsOptional()
  @WholeNumber(1, 2_147_483_647)
  version?: number;
}
