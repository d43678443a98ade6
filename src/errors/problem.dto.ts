import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ERRORS, type ErrorCode } from './error-codes.js';
import type { InputProblem } from './domain-error.js';

@ApiSchema({ description: 'One problem of the input.' })
class InputProblemDto implements InputProblem {
  @ApiProperty({
    description: 'JSON Pointer into the body (RFC 6901), or `?name` for a query parameter.',
    example: '/target',
  })
  pointer: string;

  @ApiProperty({ description: 'The problem, for people.', example: 'target must be a role name' })
  message: string;
}

@ApiSchema({ description: 'A problem document (RFC 9457).' })
export class ProblemDto {
  @ApiProperty({
    description: 'URI of the kind of problem: `urn:agent-mesh:error:` and the code.',
    example: 'urn:agent-mesh:error:request.invalid',
  })
  type: string;

  @ApiProperty({
    description: 'The kind of problem, for people. Constant for a code.',
    example: 'The request is not valid',
  })
  title: string;

  @ApiProperty({ description: 'HTTP status of the response.', type: 'integer', example: 400 })
  status: number;

  @ApiProperty({
    description: 'The cause in this case, and the next step, for people.',
    example: 'target must be a role name',
  })
  detail: string;

  @ApiProperty({
    description: 'Stable code of the error; branch on it.',
    enum: Object.keys(ERRORS),
    example: 'request.invalid',
  })
  code: ErrorCode;

  @ApiPropertyOptional({ description: 'Path of the request.', example: '/tasks/route' })
  instance?: string;

  @ApiPropertyOptional({
    description:
      'Trace of the request, as in `X-Trace-Id`. Search the log and the audit log for it.',
    format: 'uuid',
    example: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
  })
  trace_id?: string;

  @ApiPropertyOptional({
    type: [InputProblemDto],
    description: 'All problems of the input.',
  })
  errors?: InputProblemDto[];

  @ApiPropertyOptional({
    description: 'For `events.cursor_gone`: the cursor from which a reader can continue.',
    example: '2.4711',
  })
  oldest?: string;
}
