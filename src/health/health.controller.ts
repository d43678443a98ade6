import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Policy } from '../auth/policy.decorator.js';
import { Public } from '../auth/public.decorator.js';
import { HealthDto, LiveDto, ReadyDto, StatusDto } from './health.dto.js';
import { HealthService } from './health.service.js';

@ApiTags('Health')
@Public()
@Policy('status.read')
@Controller()
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get('status')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Whether the service answers', security: [] })
  @ApiOkResponse({ type: StatusDto, description: 'It does.' })
  status(): StatusDto {
    return this.health.status();
  }

  @Get('health')
  @ApiOperation({ summary: 'How the service and what it depends on are', security: [] })
  @ApiOkResponse({ type: HealthDto, description: 'Always 200: the body tells.' })
  check(): Promise<HealthDto> {
    return this.health.check();
  }

  @Get('health/live')
  @ApiOperation({ summary: 'Whether the process is alive', security: [] })
  @ApiOkResponse({ type: LiveDto, description: 'It is.' })
  live(): LiveDto {
    return { status: 'alive' };
  }

  @Get('health/ready')
  @ApiOperation({ summary: 'Whether to send requests here', security: [] })
  @ApiOkResponse({ type: ReadyDto, description: 'Yes.' })
  @ApiResponse({
    status: 503,
    type: ReadyDto,
    description:
      'Not now: Postgres does not answer, the signing keys of the identity provider were never read (`/health` says which), or the process is stopping.',
  })
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadyDto> {
    const ready = await this.health.ready();
    response.status(ready.status === 'ready' ? 200 : 503);
    return ready;
  }
}
