import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { renameAliases } from '../../http/aliases.js';
import { IsId } from '../../http/ids.js';
import { Normalised } from '../../http/normalise.decorator.js';
import { IsJsonObject, IsRoleName } from '../../http/rules.js';

@Normalised((body) => renameAliases(body, { agent_role: 'role', session_id: 'id' }))
export class CreateSessionDto {
  @ApiProperty({
    description: 'The role to act for; v0.4 agents say `agent_role`.',
    example: 'manager',
  })
  @IsRoleName()
  role: string;

  @ApiPropertyOptional({ description: 'An id of your own choice.' })
  @IsOptional()
  @IsId('session')
  id?: string;

  @ApiPropertyOptional({
    description:
      'A task that the role takes part in. The role that the task was sent to takes up its pending attempt.',
    example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    example: { step: 'reading the request' },
  })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;
}
