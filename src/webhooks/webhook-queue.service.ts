import { Injectable, Logger } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { SYSTEM } from '../auth/actor.js';
import { newId } from '../common/new-id.js';
import { TransactionsService } from '../database/transactions.service.js';
import {
  type ClaimedDelivery,
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
const CLAIM_SECONDS = 60;
/** When a webhook without a success is disabled: both limits have to be reached. */
const MIN_FAILURES = 20;
const MIN_DAYS = 5;
const GONE = 410;

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

  /** Creates deliveries of new events. Returns whether there are more. */
  async schedule(): Promise<boolean> {
    const behind = await this.transactions.runInNewTransaction((manager) =>
      this.deliveries.schedule(manager, POSITIONS),
    );
    return behind > 0;
  }

  /** Claims deliveries that are due, at most `total`, and discards those that their webhook may no longer read. */
  async claim(total: number): Promise<ClaimedDelivery[]> {
    const claimed = await this.transactions.runInNewTransaction((manager) =>
      this.deliveries.claim(manager, {
        perWebhook: PER_WEBHOOK,
        retries: RETRIES_PER_WEBHOOK,
        total,
        seconds: CLAIM_SECONDS,
      }),
    );
    if (claimed.length === 0) return [];
    return this.transactions.runInNewTransaction(async (manager) => {
      const events = await this.deliveries.listEvents(manager, claimed);
      const webhooks = await this.webhooks.list(manager);
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
    });
  }

  /** Records the outcome of an attempt. Disables a webhook that is gone, or that has failed for days. */
  record(outcome: Outcome): Promise<void> {
    const { webhookId, status } = outcome;
    return this.transactions.runInNewTransaction(async (manager) => {
      this.deliveries.record(manager, outcome);
      if (outcome.next === 'delivered') {
        await this.webhooks.resetFailures(manager, webhookId);
        return;
      }
      const disabled = await this.webhooks.countFailure(manager, {
        id: webhookId,
        isGone: status === GONE,
        minFailures: MIN_FAILURES,
        minDays: MIN_DAYS,
      });
      if (!disabled) return;
      this.logger.warn(`The webhook ${webhookId} is ${disabled.status}.`);
      this.audit.record(manager, {
        event_type: 'webhook_disabled',
        trace_id: newId(),
        by: SYSTEM,
        metadata: { webhook_id: webhookId, status: disabled.status },
      });
    });
  }
}
