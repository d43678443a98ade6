import { ApiProperty } from '@nestjs/swagger';
import { MAX_ERROR_LENGTH } from '../../http/failure-report.js';
import { JSON_LIMITS } from '../../http/json-limits.js';

/** The limits of a result, which leave room in a body for what surrounds it, over HTTP and MCP. */
export class ClaimLimitsDto {
  @ApiProperty({ type: 'integer', description: 'Bytes of a result as JSON.', example: 1_000_000 })
  result_bytes: number;

  @ApiProperty({ type: 'integer', description: 'Levels of nesting of a result.', example: 28 })
  result_depth: number;

  @ApiProperty({
    type: 'integer',
    description: 'Members of all objects of a result together.',
    example: 1_900,
  })
  result_members: number;

  @ApiProperty({ type: 'integer', description: 'Elements of an array.', example: 1_000 })
  array_elements: number;

  @ApiProperty({ type: 'integer', description: 'Characters of a text.', example: 65_536 })
  string_characters: number;

  @ApiProperty({
    type: 'integer',
    description: 'Characters of an error that are kept. A longer one is shortened, never refused.',
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
