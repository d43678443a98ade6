import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { WaitingDto } from './dto/waiting.dto.js';
import { OverviewService } from './overview.service.js';

/** The number of approvals that wait for a caller. */
@ApiTags('Approvals')
@ApiBearerAuth()
@Controller('me/waiting')
export class WaitingController {
  constructor(private readonly overview: OverviewService) {}

  @Get()
  @Policy('overview.read')
  @ApiOperation({
    operationId: 'getWaiting',
    summary: 'Get the number of approvals that wait for you',
    description:
      'Counts the approvals of `GET /approvals?waiting_for=me`, for example for the badge of an inbox.',
  })
  @ApiOkResponse({ type: WaitingDto, description: 'The number.' })
  @ApiProblems()
  get(@CurrentAgent() agent: Agent): Promise<WaitingDto> {
    return this.overview.waiting(agent);
  }
}
