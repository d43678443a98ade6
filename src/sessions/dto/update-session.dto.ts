import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { renameAliases } from '../../http/aliases.js';
import { IsId } from '../../http/ids.js';
import { MAX_ERROR_LENGTH } from '../../http/failure-report.js';
import { Normalised, Repaired } from '../../http/normalise.decorator.js';
import { IsJsonObject } from '../../http/rules.js';
import { fromFailureBody } from './failure-body.js';
import { SESSION_STATUSES, type SessionStatus } from '../../lifecycle/session-status.js';

export const ERROR_DESCRIPTION =
  'With a failure: what went wrong. It is never refused for its size or characters: of a longer text the first 10,000 characters are kept, U+0000 and lone surrogates become U+FFFD, and a value that is no text is kept as JSON. Then the text ends with a mark, and `error_truncated` of the session is true.';

const MEMBERS = ['status', 'metadata', 'task_id', 'result', 'retryable', 'withdraw_pending'];

@Normalised((body) => renameAliases(body, { state: 'status' }))
@Repaired(fromFailureBody(MEMBERS))
export class UpdateSessionDto {
  @ApiPropertyOptional({
    enum: SESSION_STATUSES,
    description: 'v0.4 agents say `state`.',
    example: 'completed',
  })
  @IsOptional()
  @IsIn(SESSION_STATUSES, { message: `status must be one of ${SESSION_STATUSES.join(', ')}` })
  status?: SessionStatus;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Replaces what is there.',
    example: { step: 'done' },
  })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;

  @ApiPropertyOptional({ description: 'May be set once, on a session that has no task.' })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description:
      'With status `completed`: what came out. Its limits are `limits` of the claim response.',
    example: { approved_amount: 50000 },
  })
  @IsOptional()
  @IsJsonObject()
  result?: Record<string, unknown>;

  @ApiPropertyOptional({
    default: false,
    description: 'With status `failed`, of an attempt: whether another attempt may succeed.',
  })
  @IsOptional()
  @IsBoolean()
  retryable?: boolean;

  @ApiPropertyOptional({
    description: ERROR_DESCRIPTION,
    example: 'The ledger is closed',
  })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_ERROR_LENGTH)
  error?: string;

  @ApiPropertyOptional({
    default: false,
    description:
      'With status `completed`: whether pending approvals that you asked for are withdrawn. Without it they are 409 `approval.pending`.',
  })
  @IsOptional()
  @IsBoolean()
  withdraw_pending?: boolean;
}
