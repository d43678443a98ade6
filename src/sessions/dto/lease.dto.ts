import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsOptional, IsString, MaxLength } from 'class-validator';
import { InvalidInputError } from '../../errors/domain-error.js';
import { IsId } from '../../http/ids.js';
import { IsTimestamp } from '../../http/validators.js';

/** Body of `POST /tasks/{id}/claim`, and a part of the body of `POST /tasks/claim`. */
export class LeaseDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 30,
    maximum: 3600,
    default: 300,
    description:
      'Length of the lease in seconds, from now. At least `LEASE_MIN_SECONDS` of the controller.',
    example: 300,
  })
  @IsOptional()
  @IsInt()
  lease_seconds?: number;
}

/** Body of a heartbeat. Without `lease_seconds` the length of the lease does not change. */
export class HeartbeatDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 30,
    maximum: 3600,
    description:
      'Length of the lease in seconds, from now. Default: the present length, or 300 if the session has no lease yet.',
    example: 300,
  })
  @IsOptional()
  @IsInt()
  lease_seconds?: number;
}

export class ReleaseDto {
  @ApiPropertyOptional({
    maxLength: 1_000,
    description: 'Reason for the release. It is recorded in the timeline of the task.',
    example: 'The tool that it needs is down',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description:
      'Time at which the next attempt becomes due (RFC 3339). Must be in the future and before the deadline of the task. Cannot be combined with `until_approval`.',
    example: '2036-01-31T12:00:00Z',
  })
  @IsOptional()
  @IsTimestamp()
  not_before?: string;

  @ApiPropertyOptional({
    description:
      'Id of an approval of the task. The next attempt becomes due when the last stage is approved or any stage is rejected, withdrawn or expired. It is due at once if the approval has ended already.',
    example: 'approval-019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c',
  })
  @IsOptional()
  @IsId('approval')
  until_approval?: string;

  @ApiPropertyOptional({
    description:
      'True: the claim did not reach its client, and no work was done. Such a release does not count toward `task.release_limit`.',
    default: false,
    example: false,
  })
  @IsOptional()
  @IsBoolean()
  undelivered?: boolean;
}

/** @throws InvalidInputError if both `not_before` and `until_approval` are present */
export function assertOneDueTime({ not_before, until_approval }: ReleaseDto): void {
  if (not_before === undefined || until_approval === undefined) return;
  throw new InvalidInputError([
    { pointer: '/until_approval', message: 'not_before and until_approval cannot be combined' },
  ]);
}
