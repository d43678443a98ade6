import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { type InputProblem, InvalidInputError } from '../../errors/domain-error.js';
import { renameAliases } from '../../http/aliases.js';
import { IsId } from '../../http/ids.js';
import { Normalised } from '../../http/normalise.decorator.js';
import { AreRoleNames, IsJsonObject, IsRoleName } from '../../http/validators.js';
import { EXPIRY_SECONDS, MAX_QUORUM, MAX_STAGES } from '../approval-limits.js';
import { type Decision, DECISIONS } from '../approval-status.js';
import { APPROVER_KINDS, type ApproverKind } from '../approver-kind.js';

const CHOICES = ['pending', ...DECISIONS] as const;

@Normalised((body) => renameAliases(body, { notes: 'comments' }))
export class CreateApprovalDto {
  @ApiProperty({ example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c' })
  @IsId('task')
  task_id: string;

  @ApiPropertyOptional({
    description: 'The role that is to decide; an ask must name it, or `stages`.',
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

  @ApiPropertyOptional({
    description: 'The decider’s comments; a rejection needs them, or a reason.',
    maxLength: 10_000,
    example: '',
  })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  comments?: string;

  @ApiPropertyOptional({
    description:
      'Of an ask: the role that asks; needed only by an agent that takes part through several.',
    example: 'finance',
  })
  @IsOptional()
  @IsRoleName()
  from_role?: string;

  @ApiPropertyOptional({
    type: [String],
    minItems: 1,
    maxItems: MAX_STAGES,
    description:
      'Of an ask, in place of `approver_role`: the roles that decide one after the other.',
    example: ['manager', 'legal'],
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_STAGES)
  @AreRoleNames()
  stages?: string[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: MAX_QUORUM,
    default: 1,
    description: 'Of an ask: how many subjects of the role have to approve, in each stage.',
    example: 1,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_QUORUM)
  quorum?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: EXPIRY_SECONDS.min,
    maximum: EXPIRY_SECONDS.max,
    default: 259_200,
    description: 'Of an ask: for how long each stage can be decided, in seconds.',
    example: 259_200,
  })
  @IsOptional()
  @IsInt()
  @Min(EXPIRY_SECONDS.min)
  @Max(EXPIRY_SECONDS.max)
  expires_in_seconds?: number;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Of an ask: what exactly is to be approved. Default: what the task says.',
    example: { amount: 50000, supplier: 'ACME' },
  })
  @IsOptional()
  @IsJsonObject()
  payload?: Record<string, unknown>;

  @ApiPropertyOptional({
    enum: APPROVER_KINDS,
    default: 'any',
    description: 'Of an ask: human, if only a person may decide.',
    example: 'any',
  })
  @IsOptional()
  @IsIn(APPROVER_KINDS, { message: `approver_kind must be one of ${APPROVER_KINDS.join(', ')}` })
  approver_kind?: ApproverKind;

  @ApiPropertyOptional({
    default: false,
    description:
      'Of an ask: whether the act may happen again, after an approval of the same payload was consumed. `reason` must say why.',
    example: false,
  })
  @IsOptional()
  @IsBoolean()
  repeat?: boolean;
}

const OF_AN_ASK = [
  ...(['from_role', 'stages', 'quorum', 'expires_in_seconds', 'payload'] as const),
  ...(['approver_kind', 'repeat'] as const),
];

/** The roles that are asked one after the other; refuses what is no ask. */
export function stagesOf({ approver_role, stages }: CreateApprovalDto): string[] {
  if (approver_role !== undefined && stages !== undefined) {
    throw invalid('/stages', 'give either approver_role or stages');
  }
  if (stages !== undefined) return stages;
  if (approver_role !== undefined) return [approver_role];
  throw invalid('/approver_role', 'approver_role must name the role that is to decide');
}

/** Refuses a decision that says what only an ask can say. */
export function assertDecides(dto: CreateApprovalDto): void {
  const problems: InputProblem[] = OF_AN_ASK.filter((name) => dto[name] !== undefined).map(
    (name) => ({ pointer: `/${name}`, message: `${name} goes with decision pending` }),
  );
  if (problems.length > 0) throw new InvalidInputError(problems);
}

function invalid(pointer: string, message: string): InvalidInputError {
  return new InvalidInputError([{ pointer, message }]);
}
