import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { renameAliases } from '../../http/aliases.js';
import { Normalised } from '../../http/normalise.decorator.js';
import { type Decision, DECISIONS } from '../approval-status.js';

@Normalised((body) => renameAliases(body, { notes: 'comments' }))
export class DecideApprovalDto {
  @ApiProperty({ enum: DECISIONS, description: 'The decision.', example: 'approved' })
  @IsIn(DECISIONS, { message: `decision must be one of ${DECISIONS.join(', ')}` })
  decision: Decision;

  @ApiPropertyOptional({
    description: 'Comments on the decision. Required for a rejection.',
    maxLength: 10_000,
    example: 'Within this quarter’s budget',
  })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  comments?: string;

  @ApiPropertyOptional({
    description:
      'The digest of the payload that the approver has read. If the approval has another one, the decision is refused.',
    pattern: '^[0-9a-f]{64}$',
    example: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  })
  @IsOptional()
  @Matches(/^[0-9a-f]{64}$/, {
    message: 'digest must be a SHA-256 digest of 64 lowercase hexadecimal digits',
  })
  digest?: string;
}
