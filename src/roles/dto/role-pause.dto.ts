import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { IsNotBlank, IsTimestamp } from '../../http/validators.js';
import type { RolePause } from '../role-pause.entity.js';

export class PauseRoleDto {
  @ApiProperty({
    minLength: 1,
    maxLength: 200,
    description: 'Reason. Agents of the role receive it with each claim that returns nothing.',
    example: 'The contract system is down for maintenance',
  })
  @IsString()
  @IsNotBlank()
  @MaxLength(200)
  reason: string;

  @ApiPropertyOptional({
    description:
      'End of the pause (RFC 3339), in the future. Without it the pause lasts until the role is resumed.',
    example: '2027-01-31T12:00:00Z',
  })
  @IsOptional()
  @IsTimestamp()
  until?: string;
}

@ApiSchema({ description: 'A role. The members from `reason` on are null if it is not paused.' })
export class RoleDto {
  @ApiProperty({ description: 'Name of the role.', example: 'legal' })
  role: string;

  @ApiProperty({ description: 'Whether the role is paused now.' })
  paused: boolean;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Reason of the pause.',
    example: 'The contract system is down for maintenance',
  })
  reason: string | null;

  @ApiProperty({
    type: Date,
    nullable: true,
    description: 'End of the pause; null: when the role is resumed.',
  })
  until: Date | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The subject that paused the role.',
    example: 'https://id.example.com/realms/agents#ops',
  })
  paused_by: string | null;

  @ApiProperty({ type: Date, nullable: true, description: 'Time of the pause.' })
  paused_at: Date | null;
}

@ApiSchema({ description: 'The paused roles.' })
export class PausedRolesDto {
  @ApiProperty({ type: [RoleDto], description: 'The paused roles, by name.' })
  roles: RoleDto[];
}

export function toRoleDto(role: string, pause: RolePause | undefined): RoleDto {
  const { reason = null, until = null, paused_by = null, paused_at = null } = pause ?? {};
  return { role, paused: pause !== undefined, reason, until, paused_by, paused_at };
}
