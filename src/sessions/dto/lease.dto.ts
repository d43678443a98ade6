import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, MaxLength } from 'class-validator';
import { InvalidInputError } from '../../errors/domain-error.js';
import { IsId } from '../../http/ids.js';
import { IsTimestamp } from '../../http/rules.js';

/** The length of a claim's lease. */
export class LeaseDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 30,
    maximum: 3600,
    default: 300,
    description: 'The length of the lease in seconds, from now on.',
    example: 300,
  })
  @IsOptional()
  @IsInt()
  lease_seconds?: number;
}

/** A heartbeat, which keeps the length of the lease unless it gives another. */
export class HeartbeatDto {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 30,
    maximum: 3600,
    description:
      'The length of the lease in seconds, from now on. Default: the length that it has; 300 where it has none.',
    example: 300,
  })
  @IsOptional()
  @IsInt()
  lease_seconds?: number;
}

export class ReleaseDto {
  @ApiPropertyOptional({ maxLength: 1_000, example: 'The tool that it needs is down' })
  @IsOptional()
  @IsString()
  @MaxLength(1_000)
  reason?: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description:
      'The next attempt may not be claimed before this time (RFC 3339): in the future, before the deadline of the task. Not together with `until_approval`.',
    example: '2036-01-31T12:00:00Z',
  })
  @IsOptional()
  @IsTimestamp()
  not_before?: string;

  @ApiPropertyOptional({
    description:
      'An approval of the task. The next attempt falls due when its last stage is approved, or any stage is rejected, withdrawn or expired; at once if that has happened.',
    example: 'approval-019a1b2c-1111-7f5a-8b6c-7d8e9f0a1b2c',
  })
  @IsOptional()
  @IsId('approval')
  until_approval?: string;
}

/** @throws InvalidInputError when two times are given */
export function assertOneDueTime({ not_before, until_approval }: ReleaseDto): void {
  if (not_before === undefined || until_approval === undefined) return;
  throw new InvalidInputError([
    { pointer: '/until_approval', message: 'Give not_before or until_approval, not both' },
  ]);
}
