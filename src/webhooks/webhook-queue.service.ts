import { Injectable, Logger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { SYSTEM } from '../auth/actor.js';
import { newId } from '../common/new-id.js';
import { TransactionsService } from '../database/transactions.service.js';
import { GONE } from './send-result.js';
import {
  type ClaimedDelivery,
  type DeliveryKey,
  type Outcome,
  WebhookQueueRepository,
} from './webhook-queue.repository.js';
import { WebhooksRepository } from './webhooks.repository.js';

/** Number of positions that one call covers for each webhook. */
const POSITIONS = 500;
/** Requests at a time: to one endpoint, and retries among them. */
const PER_WEBHOOK = 4;
const RETRIES_PER_WEBHOOK = 2;
/** Seconds after which another instance sends what this one has claimed. Longer than a request takes. */
export const CLAIM_SECONDS = 60;
/** When a webhook without a success is disabled: both limits have to be reached. */
const MIN_FAILURES = 20;
const MIN_DAYS = 5;

/** The deliveries that wait for an attempt. All instances share them; no transaction is open during an attempt. */
@Injectable()
export class WebhookQueueService {
  private readonly logger = new Logger(WebhookQueueService.name);

  constructor(
    private readonly transactions: TransactionsService,
    private readonly webhooks: WebhooksRepository,
    private readonly deliveries: WebhookQueueRepository,
    private readonly audit: AuditService,
  ) {}

  /** Whether there can be deliveries. Costs one read, and no transaction. */
  isUsed(): Promise<boolean> {
    return this.transactions.read((manager) => this.webhooks.hasEnabled(manager));
  }

  /** Creates deliveries of new events. Returns whether there are more. */
  async schedule(): Promise<boolean> {
    const behind = await this.transactions.runInNewTransaction((manager) =>
      this.deliveries.schedule(manager, POSITIONS),
    );
    return behind > 0;
  }

  /** Claims deliveries that are due, at most `total`, and discards those that their webhook may no longer read. */
  async claim(total: number): Promise<ClaimedDelivery[]> {
    return this.transactions.runInNewTransaction(async (manager) => {
      const webhookIds = await this.deliveries.lockReady(manager);
      if (webhookIds.length === 0) return [];
      const limits = { perWebhook: PER_WEBHOOK, retries: RETRIES_PER_WEBHOOK, total };
      const claimed = await this.deliveries.claim(manager, webhookIds, {
        ...limits,
        seconds: CLAIM_SECONDS,
      });
      return claimed.length === 0 ? [] : this.load(manager, claimed);
    });
  }

  /** Loads what is to be sent, in the transaction of the claim: if it fails, nothing is claimed. */
  private async load(
    manager: EntityManager,
    claimed: readonly { webhook_id: string; position: number; attempts: number }[],
  ): Promise<ClaimedDelivery[]> {
    const [events, webhooks] = await Promise.all([
      this.deliveries.listEvents(manager, claimed),
      this.webhooks.list(manager),
    ]);
    const loaded: ClaimedDelivery[] = [];
    for (const { webhook_id, position, attempts } of claimed) {
      const event = events.find(
        (found) => found.webhook_id === webhook_id && found.position === position,
      );
      const webhook = webhooks.find(({ id }) => id === webhook_id);
      if (event && webhook) loaded.push({ webhook, event, attempts });
      else await this.deliveries.discard(manager, webhook_id, position);
    }
    return loaded;
  }

  /** Records the outcome of an attempt. Disables a webhook that is gone, or that has failed for days. */
  record(outcome: Outcome): Promise<void> {
    const { webhookId, status } = outcome;
    return this.transactions.runInNewTransaction(async (manager) => {
      // Locks the webhook before its delivery, as claims and changes of a webhook do, so that none waits for another.
      if (outcome.next === 'delivered') await this.webhooks.resetFailures(manager, webhookId);
      else await this.countFailure(manager, webhookId, status === GONE);
      this.deliveries.record(manager, outcome);
    });
  }

  /** Ends the claim of a delivery whose attempt was aborted by the end of this process. Another instance sends it now. */
  release(key: DeliveryKey): Promise<void> {
    return this.transactions.runInNewTransaction((manager) =>
      this.deliveries.release(manager, key),
    );
  }

  private async countFailure(manager: EntityManager, id: string, isGone: boolean): Promise<void> {
    const limits = { minFailures: MIN_FAILURES, minDays: MIN_DAYS };
    const disabled = await this.webhooks.countFailure(manager, { id, isGone, ...limits });
    if (!disabled) return;
    this.logger.warn(`The webhook ${id} is ${disabled.status}.`);
    this.audit.record(manager, {
      event_type: 'webhook_disabled',
      trace_id: newId(),
      by: SYSTEM,
      metadata: { webhook_id: id, status: disabled.status },
    });
  }
}
