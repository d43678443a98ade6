import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Policy } from '../auth/policy.decorator.js';
import { ApiPublicProblems } from '../http/api-problems.decorator.js';
import { HealthDto, LivenessDto, ReadinessDto, ServiceStatusDto } from './health.dto.js';
import { HealthService } from './health.service.js';

@ApiTags('Health')
@Policy('status.read')
@ApiPublicProblems()
@Controller()
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get('status')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    operationId: 'getStatus',
    summary: 'Get the status and version',
    security: [],
    description:
      'Returns the version, and that the process responds. Checks no dependency; `GET /health` does.',
  })
  @ApiOkResponse({
    type: ServiceStatusDto,
    description: 'The service responds. Checks no dependency.',
  })
  status(): ServiceStatusDto {
    return this.health.status();
  }

  @Get('health')
  @ApiOperation({
    operationId: 'getHealth',
    summary: 'Get the health of the service and its dependencies',
    security: [],
    description:
      'Returns the state of PostgreSQL, Redis and the signing keys, with the reason of a failure. Use it for diagnosis; load balancers use `GET /health/ready`.',
  })
  @ApiOkResponse({
    type: HealthDto,
    description: 'The health. The status code is 200 even if `status` is `degraded`.',
  })
  check(): Promise<HealthDto> {
    return this.health.check();
  }

  @Get('health/live')
  @ApiOperation({
    operationId: 'getLiveness',
    summary: 'Check liveness',
    security: [],
    description:
      'Responds while the process is alive. An orchestrator restarts the process if it does not respond. Checks no dependency, so an outage of PostgreSQL restarts nothing.',
  })
  @ApiOkResponse({ type: LivenessDto, description: 'The process is alive.' })
  live(): LivenessDto {
    return { status: 'alive' };
  }

  @Get('health/ready')
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'Check readiness',
    security: [],
    description:
      'Responds with 200 if the process accepts requests, otherwise with 503. A load balancer sends requests only to instances that respond with 200.',
  })
  @ApiOkResponse({ type: ReadinessDto, description: 'The process is ready for requests.' })
  @ApiResponse({
    status: 503,
    type: ReadinessDto,
    description:
      'The process is not ready: PostgreSQL does not respond, the process has not read the signing keys of the identity provider yet (`/health` shows which), or the process is stopping.',
  })
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadinessDto> {
    const ready = await this.health.ready();
    response.status(ready.status === 'ready' ? 200 : 503);
    return ready;
  }
}
