import { Controller, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { KeyedRequestsDto } from './dto/keyed-requests.dto.js';
import { IdempotencyLookupService } from './idempotency-lookup.service.js';

@ApiTags('Idempotency')
@ApiBearerAuth()
@Controller('idempotency')
export class IdempotencyController {
  constructor(private readonly requests: IdempotencyLookupService) {}

  @Get(':key')
  @Policy('idempotency.read')
  @ApiOperation({ summary: 'Get your requests with an idempotency key' })
  @ApiParam({ name: 'key', example: '3f1d2c4b-5a69-4788-8796-a5b4c3d2e1f0' })
  @ApiOkResponse({
    type: KeyedRequestsDto,
    description: 'Your requests with the idempotency key that were executed.',
  })
  @ApiProblems('idempotency.not_found')
  get(@Param('key') key: string, @CurrentAgent() agent: Agent): Promise<KeyedRequestsDto> {
    return this.requests.get(agent, key);
  }
}
