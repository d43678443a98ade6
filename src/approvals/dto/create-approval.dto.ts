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
  @ApiProperty({
    description: 'The task: a UUID, or `task-<uuid>`.',
    example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  @IsId('task')
  task_id: string;

  @ApiPropertyOptional({
    description:
      'The role that decides. A request for an approval requires `approver_role` or `stages`.',
    example: 'manager',
  })
  @IsOptional()
  @IsRoleName()
  approver_role?: string;

  @ApiPropertyOptional({
    enum: CHOICES,
    default: 'pending',
    deprecated: true,
    description:
      '`pending` requests an approval. `approved` and `rejected`, as v0.4 agents send them, decide one: use `POST /approvals/{id}/decision` instead.',
    example: 'pending',
  })
  @IsOptional()
  @IsIn(CHOICES, { message: `decision must be one of ${CHOICES.join(', ')}` })
  decision: 'pending' | Decision = 'pending';

  @ApiPropertyOptional({
    description: 'Why the approval is requested. Required with `repeat`.',
    maxLength: 10_000,
    example: 'Over the limit',
  })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  reason?: string;

  @ApiPropertyOptional({
    deprecated: true,
    description:
      'Comments on a decision, as v0.4 agents send them. A rejection requires `comments` or `reason`. Use `POST /approvals/{id}/decision` instead.',
    maxLength: 10_000,
    example: '',
  })
  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  comments?: string;

  @ApiPropertyOptional({
    description:
      'The role that requests the approval. Required if several of your roles are participants in the task. Only for a request.',
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
      'The roles that decide one after the other, instead of `approver_role`. Only for a request.',
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
    description: 'The number of subjects that must approve in each stage. Only for a request.',
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
    description: 'Time to decide each stage, in seconds. Only for a request.',
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
    description:
      'The payload to approve. Default: type, description, data and context of the task. Only for a request.',
    example: { amount: 50000, supplier: 'ACME' },
  })
  @IsOptional()
  @IsJsonObject()
  payload?: Record<string, unknown>;

  @ApiPropertyOptional({
    enum: APPROVER_KINDS,
    default: 'any',
    description: '`human`: only a person can decide. Only for a request.',
    example: 'any',
  })
  @IsOptional()
  @IsIn(APPROVER_KINDS, { message: `approver_kind must be one of ${APPROVER_KINDS.join(', ')}` })
  approver_kind?: ApproverKind;

  @ApiPropertyOptional({
    default: false,
    description:
      'Whether the action may be repeated after an approval of the same payload was consumed. Requires `reason`. Only for a request.',
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

/** Returns the approver roles of the stages. Throws if the request names none, or both `approver_role` and `stages`. */
export function stagesOf({ approver_role, stages }: CreateApprovalDto): string[] {
  if (approver_role !== undefined && stages !== undefined) {
    throw invalid('/stages', 'set either approver_role or stages, not both');
  }
  if (stages !== undefined) return stages;
  if (approver_role !== undefined) return [approver_role];
  throw invalid('/approver_role', 'approver_role must name the role that decides');
}

/** Asserts that a decision has no member that is only for a request. */
export function assertDecides(dto: CreateApprovalDto): void {
  const problems: InputProblem[] = OF_AN_ASK.filter((name) => dto[name] !== undefined).map(
    (name) => ({ pointer: `/${name}`, message: `${name} is only allowed with decision pending` }),
  );
  if (problems.length > 0) throw new InvalidInputError(problems);
}

function invalid(pointer: string, message: string): InvalidInputError {
  return new InvalidInputError([{ pointer, message }]);
}
