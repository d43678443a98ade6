import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Res,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { WebhookIdPipe } from '../http/ids.js';
import { ApiIdempotencyKey } from '../http/api-idempotency-key.decorator.js';
import { ApiProblems, ApiWriteProblems } from '../http/api-problems.decorator.js';
import { withETag } from '../http/etag.js';
import { LOCATION, withLocation } from '../http/location.js';
import { WebhookDto, WebhookListDto, WebhookWithSecretDto } from './dto/webhook.dto.js';
import { CreateWebhookDto, RotateSecretDto, UpdateWebhookDto } from './dto/webhook-input.dto.js';
import { IF_MATCH, WEBHOOK_ID, WITH_ETAG } from './api-webhook.js';
import { WebhooksService } from './webhooks.service.js';

/** Routes that manage webhooks. */
@ApiTags('Webhooks')
@ApiBearerAuth()
@Policy('webhooks.manage')
@Controller('webhooks')
export class WebhooksController {
  constructor(private readonly webhooks: WebhooksService) {}

  @Post()
  @ApiOperation({
    operationId: 'createWebhook',
    summary: 'Create a webhook',
    description:
      'The URL receives the events from now on, as signed CloudEvents. The response contains the signing secret, which is not shown again. Requires the role `admin`. Store the secret at the receiver, then check it with `POST /webhooks/{id}/test`.',
  })
  @ApiBody({
    type: CreateWebhookDto,
    examples: {
      decisions: {
        summary: 'Receive requests and decisions',
        value: {
          url: 'https://hooks.example.com/mesh',
          types: ['approval.requested', 'approval.decided'],
          description: 'Chat of finance',
        },
      },
    },
  })
  @ApiIdempotencyKey(WebhookWithSecretDto)
  @ApiCreatedResponse({
    type: WebhookWithSecretDto,
    description: 'The webhook and its secret.',
    headers: { ...WITH_ETAG, ...LOCATION },
  })
  @ApiWriteProblems(
    'auth.forbidden',
    'webhook.url_refused',
    'webhook.not_configured',
    'webhook.limit_reached',
  )
  async create(
    @Body() dto: CreateWebhookDto,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookWithSecretDto> {
    const webhook = withETag(response, await this.webhooks.create(agent, dto));
    return withLocation(response, `/webhooks/${webhook.id}`, webhook);
  }

  @Get()
  @ApiOperation({
    operationId: 'listWebhooks',
    summary: 'List all webhooks',
    description:
      'Returns all webhooks, without their secrets, and the status of each. Requires the role `admin`. `GET /webhooks/{id}/deliveries` shows the deliveries of one.',
  })
  @ApiOkResponse({ type: WebhookListDto, description: 'The webhooks.' })
  @ApiProblems('auth.forbidden')
  list(@CurrentAgent() agent: Agent): Promise<WebhookListDto> {
    return this.webhooks.list(agent);
  }

  @Get(':id')
  @ApiOperation({
    operationId: 'getWebhook',
    summary: 'Get a webhook',
    description:
      'Returns a webhook, without its secret, and whether it is failing. Requires the role `admin`. Its `ETag` is the precondition (`If-Match`) of a change.',
  })
  @ApiParam(WEBHOOK_ID)
  @ApiOkResponse({ type: WebhookDto, description: 'The webhook.', headers: WITH_ETAG })
  @ApiProblems('auth.forbidden', 'webhook.not_found')
  async get(
    @Param('id', WebhookIdPipe) id: string,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookDto> {
    return withETag(response, await this.webhooks.get(agent, id));
  }

  @Patch(':id')
  @ApiOperation({
    operationId: 'updateWebhook',
    summary: 'Change, disable or enable a webhook',
    description:
      'Sets the members of the body. A webhook that is enabled continues where it stopped. Requires the role `admin`.',
  })
  @ApiBody({
    type: UpdateWebhookDto,
    examples: {
      describe: { summary: 'Change the description', value: { description: 'Chat of finance' } },
      disable: { summary: 'Disable the webhook', value: { status: 'disabled' } },
    },
  })
  @ApiParam(WEBHOOK_ID)
  @ApiHeader(IF_MATCH)
  @ApiOkResponse({ type: WebhookDto, description: 'The changed webhook.', headers: WITH_ETAG })
  @ApiWriteProblems(
    'auth.forbidden',
    'webhook.not_found',
    'webhook.url_refused',
    'webhook.version_mismatch',
  )
  async update(
    @Param('id', WebhookIdPipe) id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body() dto: UpdateWebhookDto,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookDto> {
    return withETag(response, await this.webhooks.update(agent, id, dto, ifMatch));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    operationId: 'deleteWebhook',
    summary: 'Delete a webhook and its deliveries',
    description:
      'Deletes a webhook, its pending deliveries and its delivery log. Requires the role `admin`. Nothing more is sent to its URL. To stop deliveries for a time, disable the webhook instead (`PATCH`).',
  })
  @ApiParam(WEBHOOK_ID)
  @ApiHeader(IF_MATCH)
  @ApiNoContentResponse({ description: 'The webhook was deleted.' })
  @ApiProblems('auth.forbidden', 'webhook.not_found', 'webhook.version_mismatch')
  delete(
    @Param('id', WebhookIdPipe) id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentAgent() agent: Agent,
  ): Promise<void> {
    return this.webhooks.delete(agent, id, ifMatch);
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'rotateWebhookSecret',
    summary: 'Rotate the signing secret of a webhook',
    description:
      'Issues a new secret, which the response shows once. Requires the role `admin`. Until `overlap_seconds` have passed, deliveries have a signature of each secret: give the new one to the receiver in that time.',
  })
  @ApiBody({
    type: RotateSecretDto,
    examples: {
      rotate: { summary: 'Accept the old secret for a day', value: { overlap_seconds: 86_400 } },
    },
  })
  @ApiParam(WEBHOOK_ID)
  @ApiIdempotencyKey()
  @ApiOkResponse({
    type: WebhookWithSecretDto,
    description: 'The webhook and its new secret.',
    headers: WITH_ETAG,
  })
  @ApiWriteProblems('auth.forbidden', 'webhook.not_found', 'webhook.not_configured')
  async rotate(
    @Param('id', WebhookIdPipe) id: string,
    @Body() dto: RotateSecretDto,
    @CurrentAgent() agent: Agent,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WebhookWithSecretDto> {
    return withETag(response, await this.webhooks.rotate(agent, id, dto));
  }
}
