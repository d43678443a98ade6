import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
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
  WebhookReplayDto,
  ReplayDto,
} from './dto/delivery.dto.js';
import { WebhookTestDto } from './dto/webhook.dto.js';
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
    operationId: 'listWebhookDeliveries',
    summary: 'List the deliveries of a webhook, latest event first',
    description:
      'Returns the events that the webhook received or failed to receive, with the attempts of each. Requires the role `admin`. Deliveries and their attempts are kept for 14 days. Send a failed one again with `POST /webhooks/{id}/deliveries/{position}/redeliver`.',
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
    operationId: 'testWebhook',
    summary: 'Send a test event',
    description:
      'Sends an event `webhook.tested` to the webhook, whatever its types are. Requires the role `admin`. The delivery log shows the response of the receiver.',
  })
  @ApiParam(WEBHOOK_ID)
  @ApiIdempotencyKey(WebhookTestDto)
  @ApiAcceptedResponse({ type: WebhookTestDto, description: 'The event will be sent.' })
  @ApiWriteProblems('auth.forbidden', 'webhook.not_found', 'webhook.disabled')
  test(
    @Param('id', WebhookIdPipe) id: string,
    @CurrentAgent() agent: Agent,
  ): Promise<WebhookTestDto> {
    return this.deliveries.test(agent, id);
  }

  @Post('deliveries/:position/redeliver')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'redeliverWebhookEvent',
    summary: 'Send one event again',
    description:
      'Makes the delivery pending, with all its attempts, from now. Requires the role `admin`. Use it after the receiver was repaired; the receiver recognises the event by its `webhook-id`.',
  })
  @ApiParam(WEBHOOK_ID)
  @ApiParam({
    name: 'position',
    description: 'Position of the event in the event log.',
    schema: { type: 'integer', minimum: 1, example: 4711 },
  })
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
    operationId: 'replayWebhookEvents',
    summary: 'Send a part of the event log again',
    description:
      'Sends the selected events that the webhook may receive again, at most 10,000. Requires the role `admin`. Use it after the receiver lost events. The response contains their number; the delivery log shows the progress.',
  })
  @ApiBody({
    type: ReplayDto,
    examples: {
      failed: {
        summary: 'Send failed events of a time again',
        value: { since: '2026-01-31T00:00:00Z', only_failed: true },
      },
    },
  })
  @ApiParam(WEBHOOK_ID)
  @ApiIdempotencyKey(WebhookReplayDto)
  @ApiAcceptedResponse({ type: WebhookReplayDto, description: 'The events will be sent.' })
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
  ): Promise<WebhookReplayDto> {
    return this.deliveries.replay(agent, id, dto);
  }
}
