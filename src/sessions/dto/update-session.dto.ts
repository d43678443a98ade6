import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { renameAliases } from '../../http/aliases.js';
import { IsId } from '../../http/ids.js';
import { MAX_ERROR_LENGTH } from '../../http/failure-report.js';
import { Normalised, Repaired } from '../../http/normalise.decorator.js';
import { IsJsonObject } from '../../http/validators.js';
import { fromFailureBody } from './failure-body.js';
import { SESSION_STATUSES, type SessionStatus } from '../../lifecycle/session-status.js';

const ERROR_DESCRIPTION =
  'Description of a failure. It is never refused for its size or characters: the first 10,000 characters are stored, U+0000 and lone surrogates become U+FFFD, and a value that is not a string is stored as JSON. A changed error ends with a mark, and `error_truncated` of the session is `true`.';

const MEMBERS = ['status', 'metadata', 'task_id', 'result', 'retryable', 'withdraw_pending'];

@Normalised((body) => renameAliases(body, { state: 'status' }))
@Repaired(fromFailureBody(MEMBERS))
export class UpdateSessionDto {
  @ApiPropertyOptional({
    enum: SESSION_STATUSES,
    description: 'New status of the session. The v0.4 name `state` is accepted too.',
    example: 'completed',
  })
  @IsOptional()
  @IsIn(SESSION_STATUSES, { message: `status must be one of ${SESSION_STATUSES.join(', ')}` })
  status?: SessionStatus;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'JSON object for the agent’s own use. Replaces the stored metadata.',
    example: { step: 'done' },
  })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;

  @ApiPropertyOptional({
    description:
      'Task to add the session to. Can be set once. The role of the session must be a participant of the task.',
  })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description:
      'Only with status `completed`. Result of the work. `limits` of the claim response states its maximum size.',
    example: { approved_amount: 50000 },
  })
  @IsOptional()
  @IsJsonObject()
  result?: Record<string, unknown>;

  @ApiPropertyOptional({
    default: false,
    description:
      'Only if the session fails. If `true`, the next attempt of the task opens after a pause, or the task becomes `dead` if no attempts are left. If `false`, the task fails permanently.',
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
      'Only if the session completes. If `true`, completion withdraws the pending approvals that you requested on the task. If `false`, such an approval refuses it with 409 `approval.pending`.',
  })
  @IsOptional()
  @IsBoolean()
  withdraw_pending?: boolean;
}
