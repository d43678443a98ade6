import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { WebhookIdPipe } from '../http/ids.js';
import { WEBHOOK_ID } from './api-webhook.js';
import {
  DeliveryPageDto,
  ListDeliveriesQuery,
  RedeliveryDto,
  ReplayAckDto,
  ReplayDto,
} from './dto/delivery.dto.js';
import { TestAckDto } from './dto/webhook.dto.js';
import { PositionPipe } from './position.pipe.js';
import { WebhookDeliveriesService } from './webhook-deliveries.service.js';

/** Routes of the delivery log of a webhook. */
@ApiTags('Webhooks')
@ApiBearerAuth()
@Policy('webhooks.manage')
@Controller('webhooks/:id')
export class WebhookDeliveriesController {
  constructor(private readonly deliveries: WebhookDeliveriesService) {}

  @Get('deliveries')
  @ApiOperation({
    summary: 'List the deliveries of a webhook, latest event first',
    description: 'Deliveries and their attempts are kept for 14 days.',
  })
  @ApiParam(WEBHOOK_ID)
  @ApiOkResponse({ type: DeliveryPageDto, description: 'A page of deliveries.' })
  @ApiProblems('auth.forbidden', 'webhook.not_found')
  list(
    @Param('id', WebhookIdPipe) id: string,
    @Query() query: ListDeliveriesQuery,
    @CurrentAgent() agent: Agent,
  ): Promise<DeliveryPageDto> {
    return this.deliveries.list(agent, id, query);
  }

  @Post('test')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send a test event',
    description: 'The webhook receives an event `webhook.tested`, whatever its types are.',
  })
  @ApiParam(WEBHOOK_ID)
  @ApiIdempotencyKey(TestAckDto)
  @ApiAcceptedResponse({ type: TestAckDto, description: 'The event will be sent.' })
  @ApiWriteProblems('auth.forbidden', 'webhook.not_found', 'webhook.disabled')
  test(@Param('id', WebhookIdPipe) id: string, @CurrentAgent() agent: Agent): Promise<TestAckDto> {
    return this.deliveries.test(agent, id);
  }

  @Post('deliveries/:position/redeliver')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send one event again',
    description: 'Makes the delivery pending, with all its attempts, from now.',
  })
  @ApiParam(WEBHOOK_ID)
  @ApiParam({ name: 'position', schema: { type: 'integer', minimum: 1, example: 4711 } })
  @ApiIdempotencyKey(RedeliveryDto)
  @ApiAcceptedResponse({ type: RedeliveryDto, description: 'The event will be sent.' })
  @ApiWriteProblems(
    'auth.forbidden',
    'webhook.not_found',
    'webhook.disabled',
    'webhook.delivery_not_found',
  )
  redeliver(
    @Param('id', WebhookIdPipe) id: string,
    @Param('position', PositionPipe) position: number,
    @CurrentAgent() agent: Agent,
  ): Promise<RedeliveryDto> {
    return this.deliveries.redeliver(agent, id, position);
  }

  @Post('replay')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send a part of the event log again',
    description: 'Sends the selected events that the webhook may receive, at most 10,000.',
  })
  @ApiParam(WEBHOOK_ID)
  @ApiIdempotencyKey(ReplayAckDto)
  @ApiAcceptedResponse({ type: ReplayAckDto, description: 'The events will be sent.' })
  @ApiWriteProblems(
    'auth.forbidden',
    'webhook.not_found',
    'webhook.disabled',
    'webhook.replay_limit',
    'events.cursor_invalid',
    'events.cursor_gone',
  )
  replay(
    @Param('id', WebhookIdPipe) id: string,
    @Body() dto: ReplayDto,
    @CurrentAgent() agent: Agent,
  ): Promise<ReplayAckDto> {
    return this.deliveries.replay(agent, id, dto);
  }
}
