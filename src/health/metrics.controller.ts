import { Controller, Get, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { authorize, staffRelations } from '../auth/policy.js';
import { Policy } from '../auth/policy.decorator.js';
import { DomainError } from '../errors/domain-error.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { MetricsService } from '../observability/metrics.service.js';

@ApiTags('Health')
@ApiBearerAuth()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

  @Get()
  @Policy('metrics.read')
  @ApiOperation({
    operationId: 'getMetrics',
    summary: 'Get the metrics of the process',
    description:
      'Returns the metrics in the text format of Prometheus, for a scraper. Requires the role `auditor` or `admin`. docs/operations/running.md lists them, with alerts.',
  })
  @ApiOkResponse({
    description: 'The metrics in the text format of Prometheus.',
    content: {
      'text/plain': { schema: { type: 'string' }, example: 'mesh_tasks_routed_total 42' },
    },
  })
  @ApiProblems('auth.forbidden')
  async read(@CurrentAgent() agent: Agent, @Res() response: Response): Promise<void> {
    authorize('metrics.read', staffRelations(agent), metricsForbidden);
    const { registry } = this.metrics;
    response.type(registry.contentType).send(await registry.metrics());
  }
}

const metricsForbidden = (): DomainError =>
  new DomainError('auth.forbidden', 'Reading the metrics requires the role auditor or admin.');
