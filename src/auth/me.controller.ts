import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblems } from '../http/api-problems.decorator.js';
import type { Agent } from './agent.js';
import { CurrentAgent } from './current-agent.decorator.js';
import { Policy } from './policy.decorator.js';
import { CallerDto } from './caller.dto.js';

@ApiTags('Identity')
@ApiBearerAuth()
@Controller('me')
export class MeController {
  @Get()
  @Policy('me.read')
  @ApiOperation({
    operationId: 'getCaller',
    summary: 'Get the caller',
    description:
      'Returns the subject, the roles and the default acting role of the token. Call it first, to learn the roles for which the other operations accept this token.',
  })
  @ApiOkResponse({ type: CallerDto, description: 'The subject and the roles of the token.' })
  @ApiProblems()
  get(@CurrentAgent() agent: Agent): CallerDto {
    return new CallerDto(agent);
  }
}
