import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { ListReadsService } from '../database/replica/list-reads.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { EventReaderService } from '../events/event-reader.service.js';
import { currentTraceId } from '../observability/request-context.js';
import {
  type DeliveryPageDto,
  type ListDeliveriesQuery,
  type RedeliveryDto,
  type WebhookReplayDto,
  type ReplayDto,
  toDeliveryDto,
} from './dto/delivery.dto.js';
import type { WebhookTestDto } from './dto/webhook.dto.js';
import { assertAdmin } from './webhook-access.js';
import { WebhookDeliveriesRepository } from './webhook-deliveries.repository.js';
import {
  deliveryNotFound,
  replayTooLarge,
  webhookDisabled,
  webhookNotFound,
} from './webhook-errors.js';
import type { Webhook } from './webhook.entity.js';
import { WebhooksRepository } from './webhooks.repository.js';

const MAX_REPLAY = 10_000;

/** The delivery log of webhooks, and everything that sends events again. */
@Injectable()
export class WebhookDeliveriesService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reads: ListReadsService,
    private readonly webhooks: WebhooksRepository,
    private readonly deliveries: WebhookDeliveriesRepository,
    private readonly events: EventReaderService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Returns a page of deliveries with their attempts, the latest event first.
   *
   * @throws DomainError `webhook.not_found`
   */
  async list(agent: Agent, id: string, query: ListDeliveriesQuery): Promise<DeliveryPageDto> {
    assertAdmin(agent);
    const { status, cursor, page_size: size } = query;
    const before = cursor === undefined ? undefined : positionOf(cursor);
    const found = await this.reads.read(async (manager) => {
      if (!(await this.webhooks.find(manager, id))) throw webhookNotFound();
      return this.deliveries.list(manager, id, { status, before }, size + 1);
    });
    const page = found.slice(0, size);
    const last = found.length > size ? page.at(-1) : undefined;
    return {
      deliveries: page.map(toDeliveryDto),
      next_cursor: last ? String(last.position) : null,
    };
  }

  /**
   * Records a test event, which the webhook receives whatever its types are.
   *
   * @throws DomainError `webhook.not_found` or `webhook.disabled`
   */
  async test(agent: Agent, id: string): Promise<WebhookTestDto> {
    assertAdmin(agent);
    return this.transactions.run(async (manager) => {
      await this.lockEnabled(manager, id);
      return { id, event_id: this.record(manager, agent, 'webhook_tested', { webhook_id: id }) };
    });
  }

  /**
   * Sends one event again, now.
   *
   * @throws DomainError `webhook.not_found`, `webhook.disabled` or `webhook.delivery_not_found`
   */
  async redeliver(agent: Agent, id: string, position: number): Promise<RedeliveryDto> {
    assertAdmin(agent);
    return this.transactions.run(async (manager) => {
      await this.lockEnabled(manager, id);
      if (!(await this.deliveries.redeliver(manager, id, position))) throw deliveryNotFound();
      this.record(manager, agent, 'webhook_replayed', { webhook_id: id, position });
      return { position };
    });
  }

  /**
   * Sends a part of the event log again, at most 10,000 events.
   *
   * @throws DomainError `webhook.not_found`, `webhook.disabled`, `webhook.replay_limit`, `events.cursor_invalid`,
   *   `events.cursor_gone` or `request.invalid`
   */
  async replay(agent: Agent, id: string, dto: ReplayDto): Promise<WebhookReplayDto> {
    assertAdmin(agent);
    if ((dto.after === undefined) === (dto.since === undefined)) {
      throw new InvalidInputError([
        { pointer: '/after', message: 'Exactly one of after and since is required' },
      ]);
    }
    const head = await this.events.startAfter(undefined);
    const from = dto.after === undefined ? undefined : await this.events.startAfter(dto.after);
    return this.transactions.run(async (manager) => {
      await this.lockEnabled(manager, id);
      const after = from?.position ?? (await this.before(manager, dto.since));
      const upTo = dto.until === undefined ? head.position : await this.before(manager, dto.until);
      const selection = { webhookId: id, after, upTo, onlyFailed: dto.only_failed };
      const count = await this.deliveries.replay(manager, selection, MAX_REPLAY + 1);
      if (count > MAX_REPLAY) throw replayTooLarge(MAX_REPLAY);
      const metadata = { webhook_id: id, after, up_to: upTo, only_failed: dto.only_failed, count };
      this.record(manager, agent, 'webhook_replayed', metadata);
      return { count };
    });
  }

  private before(manager: EntityManager, time: string | undefined): Promise<number> {
    return time === undefined ? Promise.resolve(0) : this.deliveries.positionBefore(manager, time);
  }

  private async lockEnabled(manager: EntityManager, id: string): Promise<Webhook> {
    const webhook = await this.webhooks.lock(manager, id);
    if (!webhook) throw webhookNotFound();
    if (webhook.status !== 'enabled') throw webhookDisabled(webhook.status);
    return webhook;
  }

  private record(
    manager: EntityManager,
    agent: Agent,
    event_type: 'webhook_tested' | 'webhook_replayed',
    metadata: Record<string, unknown>,
  ): string {
    return this.audit.record(manager, {
      event_type,
      trace_id: currentTraceId(),
      by: { role: 'admin', subject: agent.subject },
      metadata,
    });
  }
}

function positionOf(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new InvalidInputError([
    { pointer: '?cursor', message: 'cursor must be the next_cursor of the previous page' },
  ]);
}
