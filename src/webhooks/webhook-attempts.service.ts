import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Counter, Histogram } from 'prom-client';
import { Environment } from '../config/environment.js';
import { messageOf } from '../errors/error-text.js';
import { CLOUD_EVENTS, toCloudEvent } from '../events/cloud-event.js';
import { MetricsService } from '../observability/metrics.service.js';
import { delayAfter, isSuccess, sendFailure, type SendResult } from './send-result.js';
import type { ClaimedDelivery, Outcome, ScheduledEvent } from './webhook-queue.repository.js';
import { CLAIM_SECONDS, WebhookQueueService } from './webhook-queue.service.js';
import { WebhookSecretsService } from './webhook-secrets.service.js';
import { WebhookSenderService } from './webhook-sender.service.js';
import { signatureHeaders } from './webhook-signature.js';
import type { Webhook } from './webhook.entity.js';

/** Milliseconds between attempts to store an outcome. */
const STORE_AGAIN_MS = 500;

/** Makes the attempts of deliveries. */
@Injectable()
export class WebhookAttemptsService {
  private readonly logger = new Logger(WebhookAttemptsService.name);
  private readonly results: Counter<'result'>;
  private readonly durations: Histogram;

  constructor(
    private readonly queue: WebhookQueueService,
    private readonly secrets: WebhookSecretsService,
    private readonly sender: WebhookSenderService,
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    const registers = [registry];
    this.results = new Counter({
      name: 'mesh_webhook_attempts_total',
      help: 'Requests to webhook endpoints by result: delivered, retried or failed.',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['delivered', 'retried', 'failed']) this.results.inc({ result }, 0);
    this.durations = new Histogram({
      name: 'mesh_webhook_attempt_seconds',
      help: 'Duration of requests to webhook endpoints.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15],
      registers,
    });
  }

  /** Sends one event and records the outcome. Never rejects: an event whose outcome is not recorded is sent again. */
  async make({ webhook, event, attempts }: ClaimedDelivery): Promise<void> {
    const startedAt = new Date();
    const key = { webhookId: webhook.id, position: event.position };
    const result = await this.send(webhook, event, startedAt);
    if (this.sender.isStopping && result.status === null) {
      await this.store(() => this.queue.release(key));
      return;
    }
    const durationMs = Date.now() - startedAt.getTime();
    this.durations.observe(durationMs / 1000);
    const next = nextState(result, attempts);
    this.results.inc({ result: next.next === 'pending' ? 'retried' : next.next });
    const { status, error, response } = result;
    const outcome = { ...key, startedAt, durationMs, status, error, response, ...next };
    await this.store(() => this.queue.record(outcome));
  }

  /** Aborts the present attempts. Their deliveries are due again at once. */
  stop(): void {
    this.sender.stop();
  }

  /** Tries to store an outcome until the claim ends, so that an outage of the database repeats no event. */
  private async store(write: () => Promise<void>): Promise<void> {
    const endAt = performance.now() + CLAIM_SECONDS * 1000;
    for (;;) {
      try {
        await write();
        return;
      } catch (failure) {
        if (performance.now() > endAt || this.sender.isStopping) {
          this.logger.warn(
            `The outcome of a delivery was not stored, so the event is sent again. ${messageOf(failure)}`,
          );
          return;
        }
        await sleep(STORE_AGAIN_MS);
      }
    }
  }

  private async send(webhook: Webhook, event: ScheduledEvent, now: Date): Promise<SendResult> {
    const secrets = this.secrets.openAll(webhook);
    if (secrets.length === 0) return sendFailure('secret');
    const body = JSON.stringify(toCloudEvent(event, this.environment.PUBLIC_URL));
    const timestamp = Math.floor(now.getTime() / 1000);
    const headers = signatureHeaders({ id: messageId(event), timestamp, body }, secrets);
    const { id, trace_id } = event;
    const attributes = {
      'mesh.webhook.id': webhook.id,
      'mesh.event.id': id,
      'mesh.trace_id': trace_id,
    };
    return this.sender.send(
      webhook.url,
      { ...headers, 'content-type': CLOUD_EVENTS },
      body,
      attributes,
    );
  }
}

/** The id of an event for its receivers. A later epoch can use a position again, so its ids contain the epoch. */
function messageId({ epoch, position }: ScheduledEvent): string {
  return epoch > 1 ? `evt_${epoch}_${position}` : `evt_${position}`;
}

function nextState(result: SendResult, attempts: number): Pick<Outcome, 'next' | 'delaySeconds'> {
  if (isSuccess(result)) return { next: 'delivered', delaySeconds: null };
  const delay = delayAfter(result, attempts);
  return delay === undefined
    ? { next: 'failed', delaySeconds: null }
    : { next: 'pending', delaySeconds: delay };
}
