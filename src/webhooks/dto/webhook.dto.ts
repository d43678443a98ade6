import { ApiProperty, ApiSchema, PickType } from '@nestjs/swagger';
import { toCloudEventType } from '../../events/cloud-event.js';
import type { Webhook, WebhookStatus } from '../webhook.entity.js';

const ID = '019a1b2c-9999-7f5a-8b6c-7d8e9f0a1b2c';
export const URL_EXAMPLE = 'https://hooks.example.com/mesh';

@ApiSchema({ description: 'A URL that receives events.' })
export class WebhookDto {
  @ApiProperty({ description: 'Id of the webhook.', format: 'uuid', example: ID })
  id: string;

  @ApiProperty({ description: 'URL that receives the events.', example: URL_EXAMPLE })
  url: string;

  @ApiProperty({
    description: 'Types of the events that the webhook receives, or `*` for all.',
    type: [String],
    example: ['approval.requested', 'approval.decided'],
  })
  types: string[];

  @ApiProperty({
    description: 'Role whose readable events the webhook receives; `null`: all events.',
    type: String,
    nullable: true,
    example: 'finance',
  })
  role: string | null;

  @ApiProperty({
    description: 'Task whose events the webhook receives; `null`: events of all tasks.',
    type: String,
    format: 'uuid',
    nullable: true,
    example: null,
  })
  task_id: string | null;

  @ApiProperty({ description: 'Text for people.', example: 'Chat of finance' })
  description: string;

  @ApiProperty({
    enum: ['enabled', 'disabled', 'disabled_failing', 'gone'],
    description:
      '`disabled_failing`: no success for 5 days and 20 failures. `gone`: the endpoint responded with 410.',
    example: 'enabled',
  })
  status: WebhookStatus;

  @ApiProperty({
    type: 'integer',
    description: 'Failed attempts since the last success.',
    example: 0,
  })
  failures: number;

  @ApiProperty({
    description:
      'Time of the first failed attempt since the last success; `null` if the last attempt succeeded.',
    type: String,
    format: 'date-time',
    nullable: true,
    example: null,
  })
  failing_since: Date | null;

  @ApiProperty({ description: 'Version, from 1. Each change adds 1.', type: 'integer', example: 1 })
  version: number;

  @ApiProperty({
    description: 'The subject that created the webhook.',
    example: 'https://idp.example.com/realms/corp#ada',
  })
  created_by: string;

  @ApiProperty({
    description: 'Time of creation.',
    type: String,
    format: 'date-time',
    example: '2026-01-31T12:00:05.000Z',
  })
  created_at: Date;

  @ApiProperty({
    description: 'Time of the last change.',
    type: String,
    format: 'date-time',
    example: '2026-01-31T12:00:05.000Z',
  })
  updated_at: Date;
}

@ApiSchema({ description: 'A webhook with its signing secret, which is shown once.' })
export class WebhookWithSecretDto extends WebhookDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'Signing secret (Standard Webhooks). It is shown only in this response. Null in a replay after `WEBHOOK_SECRET_KEY` has changed.',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=',
  })
  secret: string | null;
}

@ApiSchema({ description: 'All webhooks.' })
export class WebhookListDto {
  @ApiProperty({ type: [WebhookDto], description: 'All webhooks, oldest first.' })
  webhooks: WebhookDto[];
}

@ApiSchema({ description: 'The response to a test of a webhook.' })
export class WebhookTestDto extends PickType(WebhookDto, ['id'] as const) {
  @ApiProperty({ format: 'uuid', description: 'Id of the test event.' })
  event_id: string;
}

/** Maps a webhook to its representation in the API, without its secrets. */
export function toWebhookDto(webhook: Webhook): WebhookDto {
  return {
    id: webhook.id,
    url: webhook.url,
    types: webhook.types.map(toCloudEventType),
    role: webhook.role,
    task_id: webhook.task_id,
    description: webhook.description,
    status: webhook.status,
    failures: webhook.failures,
    failing_since: webhook.failing_since,
    version: webhook.version,
    created_by: webhook.created_by,
    created_at: webhook.created_at,
    updated_at: webhook.updated_at,
  };
}
