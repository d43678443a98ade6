import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AuditEventType } from '../audit/audit-event-types.js';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { newId } from '../common/new-id.js';
import { TransactionsService } from '../database/transactions.service.js';
import { toAuditEventType } from '../events/cloud-event.js';
import { assertVersion } from '../http/etag.js';
import { currentTraceId } from '../observability/request-context.js';
import {
  toWebhookDto,
  type WebhookDto,
  type WebhookListDto,
  type WebhookWithSecretDto,
} from './dto/webhook.dto.js';
import type {
  CreateWebhookDto,
  RotateSecretDto,
  UpdateWebhookDto,
} from './dto/webhook-input.dto.js';
import { assertAdmin } from './webhook-access.js';
import { tooManyWebhooks, webhookNotFound } from './webhook-errors.js';
import { WebhookSecretsService } from './webhook-secrets.service.js';
import { WebhookUrlsService } from './webhook-urls.service.js';
import type { Webhook } from './webhook.entity.js';
import { WebhooksRepository } from './webhooks.repository.js';

const MAX_WEBHOOKS = 100;

/** Manages webhooks. Each change is an audit event. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly webhooks: WebhooksRepository,
    private readonly secrets: WebhookSecretsService,
    private readonly urls: WebhookUrlsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Creates a webhook, which receives the events from now on.
   *
   * @throws DomainError `webhook.url_refused`, `webhook.not_configured` or `webhook.limit_reached`
   */
  async create(agent: Agent, dto: CreateWebhookDto): Promise<WebhookWithSecretDto> {
    assertAdmin(agent);
    await this.urls.assertAllowed(dto.url);
    const id = newId();
    const { secret, sealed } = this.secrets.issue(id);
    const webhook = await this.transactions.run(async (manager) => {
      const values = {
        id,
        url: dto.url,
        types: storedTypes(dto.types),
        role: dto.role ?? null,
        task_id: dto.task_id ?? null,
        description: dto.description ?? '',
        secret: sealed,
        created_by: agent.subject,
      };
      const inserted = await this.webhooks.insert(manager, values, MAX_WEBHOOKS);
      if (!inserted) throw tooManyWebhooks(MAX_WEBHOOKS);
      this.record(manager, agent, 'webhook_created', inserted);
      return inserted;
    });
    return { ...toWebhookDto(webhook), secret };
  }

  /** Returns all webhooks. */
  async list(agent: Agent): Promise<WebhookListDto> {
    assertAdmin(agent);
    const webhooks = await this.transactions.read((manager) => this.webhooks.list(manager));
    return { webhooks: webhooks.map(toWebhookDto) };
  }

  /** @throws DomainError `webhook.not_found` */
  async get(agent: Agent, id: string): Promise<WebhookDto> {
    assertAdmin(agent);
    const webhook = await this.transactions.read((manager) => this.webhooks.find(manager, id));
    if (!webhook) throw webhookNotFound();
    return toWebhookDto(webhook);
  }

  /** @throws DomainError `webhook.not_found`, `webhook.version_mismatch` or `webhook.url_refused` */
  async update(
    agent: Agent,
    id: string,
    dto: UpdateWebhookDto,
    ifMatch: string | undefined,
  ): Promise<WebhookDto> {
    assertAdmin(agent);
    if (dto.url !== undefined) await this.urls.assertAllowed(dto.url);
    return this.change(agent, id, ifMatch, 'webhook_updated', (manager, webhook) =>
      this.webhooks.update(manager, {
        id,
        url: dto.url ?? webhook.url,
        types: dto.types ? storedTypes(dto.types) : webhook.types,
        role: dto.role ?? webhook.role,
        task_id: dto.task_id ?? webhook.task_id,
        description: dto.description ?? webhook.description,
        status: dto.status ?? webhook.status,
      }),
    );
  }

  /** Deletes a webhook with its deliveries. */
  async delete(agent: Agent, id: string, ifMatch: string | undefined): Promise<void> {
    assertAdmin(agent);
    await this.change(agent, id, ifMatch, 'webhook_deleted', async (manager, webhook) => {
      await this.webhooks.delete(manager, id);
      return webhook;
    });
  }

  /**
   * Issues a new secret. The old one signs as well for `overlap_seconds`, so that receivers can change it without a gap.
   *
   * @throws DomainError `webhook.not_found` or `webhook.not_configured`
   */
  async rotate(agent: Agent, id: string, dto: RotateSecretDto): Promise<WebhookWithSecretDto> {
    assertAdmin(agent);
    const { secret, sealed } = this.secrets.issue(id);
    const webhook = await this.change(agent, id, undefined, 'webhook_secret_rotated', (manager) =>
      this.webhooks.rotate(manager, id, sealed, dto.overlap_seconds),
    );
    return { ...webhook, secret };
  }

  /** Locks a webhook, changes it, and records the change. */
  private async change(
    agent: Agent,
    id: string,
    ifMatch: string | undefined,
    event: AuditEventType,
    apply: (manager: EntityManager, webhook: Webhook) => Promise<Webhook>,
  ): Promise<WebhookDto> {
    const changed = await this.transactions.run(async (manager) => {
      const webhook = await this.webhooks.lock(manager, id);
      if (!webhook) throw webhookNotFound();
      assertVersion(ifMatch, webhook, 'webhook.version_mismatch');
      const result = await apply(manager, webhook);
      this.record(manager, agent, event, result);
      return result;
    });
    return toWebhookDto(changed);
  }

  private record(
    manager: EntityManager,
    agent: Agent,
    event_type: AuditEventType,
    webhook: Webhook,
  ): void {
    const { id, url, types, role, task_id, status } = webhook;
    this.audit.record(manager, {
      event_type,
      trace_id: currentTraceId(),
      by: { role: 'admin', subject: agent.subject },
      metadata: { webhook_id: id, origin: new URL(url).origin, types, role, task_id, status },
    });
  }
}

/** Returns the types as stored. `*` stands for all types, so others beside it have no effect. */
function storedTypes(types: readonly string[]): string[] {
  return types.includes('*') ? ['*'] : [...new Set(types.map(toAuditEventType))];
}
