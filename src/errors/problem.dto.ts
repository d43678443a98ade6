import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ERRORS, type ErrorCode } from './error-codes.js';
import type { InputProblem } from './domain-error.js';

class InputProblemDto implements InputProblem {
  @ApiProperty({
    description: 'Where in the body (RFC 6901), or `?name` of a query parameter.',
    example: '/target',
  })
  pointer: string;

  @ApiProperty({ example: 'target must be a role name' })
  message: string;
}

/** An error, as RFC 9457 describes it. */
export class ProblemDto {
  @ApiProperty({ example: 'urn:agent-mesh:error:request.invalid' })
  type: string;

  @ApiProperty({ example: 'The request is not valid' })
  title: string;

  @ApiProperty({ type: 'integer', example: 400 })
  status: number;

  @ApiProperty({ example: 'target must be a role name' })
  detail: string;

  @ApiProperty({
    description: 'Stable; meant for programs.',
    enum: Object.keys(ERRORS),
    example: 'request.invalid',
  })
  code: ErrorCode;

  @ApiPropertyOptional({ description: 'The path that was asked for.', example: '/tasks/route' })
  instance?: string;

  @ApiPropertyOptional({ format: 'uuid', example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c' })
  trace_id?: string;

  @ApiPropertyOptional({
    type: [InputProblemDto],
    description: 'Every problem found in the input.',
  })
  errors?: InputProblemDto[];
}
