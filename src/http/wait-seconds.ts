import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { WholeNumber } from '../common/whole-number.js';

/** Default maximum of seconds for which a request waits: less than the timeouts of common clients and proxies. */
const MAX_SECONDS = 25;

/** Validates and documents the query parameter `wait_seconds`. */
export function WaitSeconds(
  description: string,
  { byDefault, max = MAX_SECONDS }: { byDefault?: number; max?: number } = {},
): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({
      type: 'integer',
      minimum: 0,
      maximum: max,
      ...(byDefault !== undefined && { default: byDefault }),
      description,
    }),
    IsOptional(),
    WholeNumber(0, max),
  );
}
