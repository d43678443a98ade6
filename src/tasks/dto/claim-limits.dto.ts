import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { MAX_ERROR_LENGTH } from '../../http/failure-report.js';
import { JSON_LIMITS } from '../../http/json-limits.js';

/** Limits of a result and an error. They leave room in the request body for the other members, over HTTP and MCP. */
@ApiSchema({ description: 'Limits of a result and an error.' })
export class ClaimLimitsDto {
  @ApiProperty({
    type: 'integer',
    description: 'Maximum size of a result as JSON, in bytes.',
    example: 1_000_000,
  })
  result_bytes: number;

  @ApiProperty({
    type: 'integer',
    description: 'Maximum number of nesting levels of a result.',
    example: 28,
  })
  result_depth: number;

  @ApiProperty({
    type: 'integer',
    description: 'Maximum number of members of all objects of a result together.',
    example: 1_900,
  })
  result_members: number;

  @ApiProperty({
    type: 'integer',
    description: 'Maximum number of elements of each array.',
    example: 1_000,
  })
  array_elements: number;

  @ApiProperty({
    type: 'integer',
    description: 'Maximum length of each string, in characters.',
    example: 65_536,
  })
  string_characters: number;

  @ApiProperty({
    type: 'integer',
    description:
      'Number of characters of an error that are stored. A longer error is cut, not refused.',
    example: MAX_ERROR_LENGTH,
  })
  error_characters: number;
}

export const CLAIM_LIMITS: ClaimLimitsDto = {
  result_bytes: 1_000_000,
  result_depth: JSON_LIMITS.depth - 4,
  result_members: JSON_LIMITS.keys - 100,
  array_elements: JSON_LIMITS.array,
  string_characters: JSON_LIMITS.string,
  error_characters: MAX_ERROR_LENGTH,
};
