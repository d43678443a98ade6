import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../http/api-problems.decorator.js';
import type { Agent } from './agent.js';
import { CurrentAgent } from './current-agent.decorator.js';
import { Policy } from './policy.decorator.js';
import { WhoAmIDto } from './who-am-i.dto.js';

@ApiTags('Identity')
@ApiBearerAuth()
@Controller('me')
export class MeController {
  @Get()
  @Policy('me.read')
  @ApiOperation({ summary: 'Get the caller' })
  @ApiOkResponse({ type: WhoAmIDto, description: 'The subject and the roles of the token.' })
  @ApiProblems()
  whoAmI(@CurrentAgent() agent: Agent): WhoAmIDto {
    return new WhoAmIDto(agent);
  }
}
