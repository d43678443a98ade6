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
  @ApiOperation({
    operationId: 'getKeyedRequests',
    summary: 'Get your requests with an idempotency key',
    description:
      'Returns the requests of the caller that were executed with an idempotency key, and the resources that they created or changed. Use it to learn the outcome of a request whose response was lost. Without a record (404) nothing was executed, the request is still in progress, or the record has expired: send the request again with the same key.',
  })
  @ApiParam({
    name: 'key',
    description: 'The idempotency key of the requests.',
    example: '3f1d2c4b-5a69-4788-8796-a5b4c3d2e1f0',
  })
  @ApiOkResponse({
    type: KeyedRequestsDto,
    description: 'Your requests with the idempotency key that were executed.',
  })
  @ApiProblems('idempotency.not_found')
  get(@Param('key') key: string, @CurrentAgent() agent: Agent): Promise<KeyedRequestsDto> {
    return this.requests.get(agent, key);
  }
}
