import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { PausedRolesDto, PauseRoleDto, RoleDto } from './dto/role-pause.dto.js';
import { RolePausesService } from './role-pauses.service.js';
import { RolePipe } from './role.pipe.js';

const ROLE = {
  name: 'role',
  description: 'A role name. Names are case-sensitive.',
  schema: { type: 'string' as const, minLength: 1, maxLength: 50, example: 'legal' },
};

@ApiTags('Roles')
@ApiBearerAuth()
@Controller('roles')
export class RolesController {
  constructor(private readonly pauses: RolePausesService) {}

  @Get()
  @Policy('roles.list')
  @ApiOperation({
    operationId: 'listPausedRoles',
    summary: 'List the paused roles',
    description:
      'Returns the roles whose tasks no agent can claim now. To end a pause, send `POST /roles/{role}/resume`.',
  })
  @ApiOkResponse({ type: PausedRolesDto, description: 'The paused roles.' })
  @ApiProblems()
  list(): Promise<PausedRolesDto> {
    return this.pauses.list();
  }

  @Get(':role')
  @Policy('roles.list')
  @ApiOperation({
    operationId: 'getRole',
    summary: 'Get the pause of a role',
    description:
      'Returns whether a role is paused, and the reason and the end of its pause. Any role name is accepted: a role that no pause names is not paused.',
  })
  @ApiParam(ROLE)
  @ApiOkResponse({ type: RoleDto, description: 'The role.' })
  @ApiProblems()
  get(@Param('role', RolePipe) role: string): Promise<RoleDto> {
    return this.pauses.get(role);
  }

  @Post(':role/pause')
  @HttpCode(200)
  @Policy('roles.pause')
  @ApiOperation({
    operationId: 'pauseRole',
    summary: 'Pause a role',
    description:
      'Until the pause ends, no task of the role is claimed. Active attempts continue, and tasks can be routed to the role. Replaces an earlier pause. Requires the role `admin`. Use it while the agents of the role cannot work. `POST /roles/{role}/resume` ends it.',
  })
  @ApiBody({
    type: PauseRoleDto,
    examples: {
      pause: { summary: 'Pause the role until it is resumed', value: { reason: 'Maintenance' } },
    },
  })
  @ApiIdempotencyKey()
  @ApiParam(ROLE)
  @ApiOkResponse({ type: RoleDto, description: 'The paused role.' })
  @ApiWriteProblems('auth.forbidden', 'role.previous_release')
  pause(
    @Param('role', RolePipe) role: string,
    @Body() dto: PauseRoleDto,
    @CurrentAgent() agent: Agent,
  ): Promise<RoleDto> {
    return this.pauses.pause(agent, role, dto);
  }

  @Post(':role/resume')
  @HttpCode(200)
  @Policy('roles.pause')
  @ApiOperation({
    operationId: 'resumeRole',
    summary: 'Resume a role',
    description:
      'Ends the pause of the role and notifies its waiting agents. A role that is not paused stays as it is. Requires the role `admin`. They can claim its tasks at once.',
  })
  @ApiIdempotencyKey()
  @ApiParam(ROLE)
  @ApiOkResponse({ type: RoleDto, description: 'The role.' })
  @ApiWriteProblems('auth.forbidden')
  resume(@Param('role', RolePipe) role: string, @CurrentAgent() agent: Agent): Promise<RoleDto> {
    return this.pauses.resume(agent, role);
  }
}
