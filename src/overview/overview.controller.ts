import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { OverviewDto } from './dto/overview.dto.js';
import { OverviewService } from './overview.service.js';

/** Numbers of the work that a caller may see. */
@ApiTags('Tasks')
@ApiBearerAuth()
@Controller('overview')
export class OverviewController {
  constructor(private readonly overview: OverviewService) {}

  @Get()
  @Policy('overview.read')
  @ApiOperation({
    operationId: 'getOverview',
    summary: 'Get the numbers of tasks and approvals',
    description:
      'Counts the tasks, approvals and events that the lists show to the caller, by their stored status: a deadline that has passed counts when the sweep has stored it, within seconds. `roles` contains the roles of the caller; for the roles `admin` and `auditor`, all roles with open work.',
  })
  @ApiOkResponse({ type: OverviewDto, description: 'The numbers.' })
  @ApiProblems()
  get(@CurrentAgent() agent: Agent): Promise<OverviewDto> {
    return this.overview.get(agent);
  }
}
