import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { renameAliases } from '../../http/aliases.js';
import { IsId } from '../../http/ids.js';
import { Normalised } from '../../http/normalise.decorator.js';
import { IsRoleName } from '../../http/rules.js';
import { type Decision, DECISIONS } from '../approval-status.js';

const CHOICES = ['pending', ...DECISIONS] as const;

@Normalised((body) => renameAliases(body, { notes: 'comments' }))
export class CreateApprovalDto {
  @ApiProperty({ example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c' })
  @IsId('task')
  task_id: string;

  @ApiPropertyOptional({
    description: 'The role that is to decide; an ask must name it.',
    example: 'manager',
  })
  @IsOptional()
  @IsRoleName()
  approver_role?: string;

  @ApiPropertyOptional({
    enum: CHOICES,
    default: 'pending',
    description: '`pending` asks for a decision; the others are one.',
    example: 'pending',
  })
  @IsOptional()
  @IsIn(CHOICES, { message: `decision must be one of ${CHOICES.join(', ')}` })
  decision: 'pending' | Decision = 'pending';

  @ApiPropertyOptional({
    description: 'Why the approval is asked for.',
    maxLength: 10_000,
    example: 'Over the limit',
  })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  reason?: string;

  @ApiPropertyOptional({ description: 'The decider’s comments.', maxLength: 10_000, example: '' })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  comments?: string;
}
