import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { renameAliases } from '../../http/aliases.js';
import { IsId } from '../../http/ids.js';
import { Normalised } from '../../http/normalise.decorator.js';
import { IsJsonObject, IsRoleName } from '../../http/validators.js';

@Normalised((body) => renameAliases(body, { agent_role: 'role', session_id: 'id' }))
export class CreateSessionDto {
  @ApiProperty({
    description: 'Org role that the session acts for. The v0.4 name `agent_role` is accepted too.',
    example: 'manager',
  })
  @IsRoleName()
  role: string;

  @ApiPropertyOptional({
    description:
      'Id of the new session. Default: a generated UUID. Cannot be combined with a `task_id` whose attempt the request adopts.',
  })
  @IsOptional()
  @IsId('session')
  id?: string;

  @ApiPropertyOptional({
    description:
      'Task of which the role is a participant. If the task is assigned to the role (`to_role`), the request adopts its pending attempt and creates no session.',
    example: 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c',
  })
  @IsOptional()
  @IsId('task')
  task_id?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'JSON object for the agent’s own use.',
    example: { step: 'reading the request' },
  })
  @IsOptional()
  @IsJsonObject()
  metadata?: Record<string, unknown>;
}
