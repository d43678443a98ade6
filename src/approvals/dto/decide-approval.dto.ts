import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
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
}
