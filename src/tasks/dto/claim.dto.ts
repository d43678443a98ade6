import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayNotEmpty, IsArray, IsOptional } from 'class-validator';
import { ClaimApprovalDto } from '../../approvals/dto/approval-context.dto.js';
import { AreTaskTypes, IsRoleName } from '../../http/validators.js';
import { LeaseDto } from '../../sessions/dto/lease.dto.js';
import { SessionDto } from '../../sessions/dto/session.dto.js';
import { ClaimLimitsDto } from './claim-limits.dto.js';
import { TaskDto } from './task.dto.js';

/** Body of `POST /tasks/claim`: the tasks that the caller can work on. */
export class ClaimDto extends LeaseDto {
  @ApiPropertyOptional({
    description:
      'Role whose inbox to claim from. Required only if your token has several org roles and no default role.',
    example: 'manager',
  })
  @IsOptional()
  @IsRoleName()
  role?: string;

  @ApiPropertyOptional({
    type: [String],
    minItems: 1,
    maxItems: 50,
    description: 'Claim only tasks of these types.',
    example: ['budget_approval'],
  })
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(50)
  @AreTaskTypes()
  task_types?: string[];
}

@ApiSchema({
  description:
    'A claimed task and the session of its attempt, which receives heartbeats and the result.',
})
export class ClaimedTaskDto {
  @ApiProperty({ description: 'The claimed task.', type: TaskDto })
  task: TaskDto;

  @ApiProperty({
    description: 'The session of the attempt. Send heartbeats and the result to its `id`.',
    type: SessionDto,
  })
  session: SessionDto;

  @ApiProperty({ type: ClaimLimitsDto, description: 'Limits of the result and the error.' })
  limits: ClaimLimitsDto;

  @ApiProperty({
    type: [ClaimApprovalDto],
    description:
      'Latest approvals of the task, at most 20, oldest first. Before you act, check which of them earlier attempts consumed.',
  })
  approvals: ClaimApprovalDto[];

  @ApiPropertyOptional({
    type: Boolean,
    description:
      '`true` in a replay: the request was executed before with the same `Idempotency-Key`. The task and the session are shown as they are now and may have ended. Absent otherwise.',
  })
  replayed?: true;
}
