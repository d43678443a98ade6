import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../http/api-problems.decorator.js';
import type { Agent } from './agent.js';
import { Me } from './me.decorator.js';
import { Policy } from './policy.decorator.js';
import { WhoAmIDto } from './who-am-i.dto.js';

@ApiTags('Identity')
@ApiBearerAuth()
@Controller('me')
export class MeController {
  @Get()
  @Policy('me.read')
  @ApiOperation({ summary: 'Who I am and which roles I may act for' })
  @ApiOkResponse({ type: WhoAmIDto, description: 'The caller, as its token tells.' })
  @ApiProblems()
  whoAmI(@Me() agent: Agent): WhoAmIDto {
    return new WhoAmIDto(agent);
  }
}
