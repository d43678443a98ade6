import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Policy } from '../auth/policy.decorator.js';
import { ApiPublicProblems } from '../http/api-problems.decorator.js';
import { HealthDto, LiveDto, ReadyDto, StatusDto } from './health.dto.js';
import { HealthService } from './health.service.js';

@ApiTags('Health')
@Policy('status.read')
@ApiPublicProblems()
@Controller()
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get('status')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Get the status and version', security: [] })
  @ApiOkResponse({ type: StatusDto, description: 'The service responds. Checks no dependency.' })
  status(): StatusDto {
    return this.health.status();
  }

  @Get('health')
  @ApiOperation({ summary: 'Get the health of the service and its dependencies', security: [] })
  @ApiOkResponse({
    type: HealthDto,
    description: 'The health. The status code is 200 even if `status` is `degraded`.',
  })
  check(): Promise<HealthDto> {
    return this.health.check();
  }

  @Get('health/live')
  @ApiOperation({ summary: 'Check liveness', security: [] })
  @ApiOkResponse({ type: LiveDto, description: 'The process is alive.' })
  live(): LiveDto {
    return { status: 'alive' };
  }

  @Get('health/ready')
  @ApiOperation({ summary: 'Check readiness', security: [] })
  @ApiOkResponse({ type: ReadyDto, description: 'The process is ready for requests.' })
  @ApiResponse({
    status: 503,
    type: ReadyDto,
    description:
      'The process is not ready: PostgreSQL does not respond, the process has not read the signing keys of the identity provider yet (`/health` shows which), or the process is stopping.',
  })
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadyDto> {
    const ready = await this.health.ready();
    response.status(ready.status === 'ready' ? 200 : 503);
    return ready;
  }
}
