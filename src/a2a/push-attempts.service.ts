import { Injectable, Logger } from '@nestjs/common';
import { Counter } from 'prom-client';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { messageOf } from '../errors/error-text.js';
import { MetricsService } from '../observability/metrics.service.js';
import { delayAfter, isSuccess, sendFailure, type SendResult } from '../webhooks/send-result.js';
import { WebhookSenderService } from '../webhooks/webhook-sender.service.js';
import { A2aRefusal } from './a2a-failure.js';
import type { PushConfig } from './push-config.entity.js';
import { pushHeaders } from './push-headers.js';
import { type PushOutcome, PushQueueRepository } from './push-queue.repository.js';
import { PushSecretsService } from './push-secrets.service.js';
import { type PushUpdate, type PushUpdates, updatesAfter } from './push-updates.js';
import { TaskReaderService } from './task-reader.service.js';

/** Seconds after which another instance continues an attempt. Longer than a request takes. */
export const CLAIM_SECONDS = 60;
/** Seconds until the events of a task have positions. */
const BEHIND_SECONDS = 1;

const DONE: PushOutcome = { attempts: 0, delaySeconds: null, hasEnded: false };
const ENDED: PushOutcome = { attempts: 0, delaySeconds: null, hasEnded: true };

/** Sends the updates of tasks to the endpoints of claimed configurations. No transaction is open during a request. */
@Injectable()
export class PushAttemptsService {
  private readonly logger = new Logger(PushAttemptsService.name);
  private readonly results: Counter<'result'>;

  constructor(
    private readonly queue: PushQueueRepository,
    private readonly secrets: PushSecretsService,
    private readonly reader: TaskReaderService,
    private readonly sender: WebhookSenderService,
    private readonly transactions: TransactionsService,
    { registry }: MetricsService,
  ) {
    this.results = new Counter({
      name: 'mesh_a2a_push_notifications_total',
      help: 'Push notifications of A2A by result: delivered, retried or failed.',
      labelNames: ['result'],
      registers: [registry],
    });
    for (const result of ['delivered', 'retried', 'failed']) this.results.inc({ result }, 0);
  }

  /** Aborts the present attempts. They are due again at once. */
  stop(): void {
    this.sender.stop();
  }

  /**
   * Sends the updates that the endpoint has not received, one after the other, until one fails. Never rejects: updates
   * whose outcome is not recorded are sent again.
   */
  async make(config: PushConfig): Promise<void> {
    try {
      await this.attempt(config);
    } catch (error) {
      this.logger.warn(`Updates of a task are sent again to an endpoint. ${messageOf(error)}`);
    }
  }

  private async attempt(config: PushConfig): Promise<void> {
    let { attempts } = config;
    const found = await this.readUpdates(config);
    if (!found) {
      await this.settle(config, ENDED);
      return;
    }
    for (const update of found.updates) {
      const result = await this.send(config, update);
      if (!isSuccess(result)) {
        await this.fail(config, attempts, result);
        return;
      }
      attempts = 0;
      this.results.inc({ result: 'delivered' });
      if (!(await this.advance(config, update.position))) return;
    }
    const delaySeconds = found.isBehind ? BEHIND_SECONDS : null;
    await this.settle(config, found.isComplete ? ENDED : { ...DONE, delaySeconds });
  }

  /** Returns undefined if the owner can no longer read the task. */
  private async readUpdates(config: PushConfig): Promise<PushUpdates | undefined> {
    const { owner, roles, to_role, task_id, position } = config;
    const agent = { subject: owner, roles, kind: 'agent' } as const;
    try {
      const facts = await this.reader.find(agent, to_role, task_id);
      const events = await this.transactions.read((manager) =>
        this.queue.listEvents(manager, task_id),
      );
      return updatesAfter(Number(position), facts, events, roles);
    } catch (error) {
      const isHidden = error instanceof A2aRefusal || isNotFound(error);
      if (isHidden) return undefined;
      throw error;
    }
  }

  private async send(config: PushConfig, update: PushUpdate): Promise<SendResult> {
    const secret = this.secrets.open(config);
    if (!secret) return sendFailure('secret');
    const attributes = { 'mesh.task.id': config.task_id };
    return this.sender.send(config.url, pushHeaders(secret, update), update.body, attributes);
  }

  /** Schedules the next attempt, or ends the configuration after the last one. */
  private async fail(config: PushConfig, failures: number, result: SendResult): Promise<void> {
    const { status, error } = result;
    if (this.sender.isStopping && status === null) {
      await this.settle(config, { attempts: failures, delaySeconds: 0, hasEnded: false });
      return;
    }
    const attempts = failures + 1;
    const delay = delayAfter(result, attempts);
    const hasEnded = delay === undefined;
    this.results.inc({ result: hasEnded ? 'failed' : 'retried' });
    if (hasEnded) {
      this.logger.warn({
        message: 'A push notification configuration has failed and receives no more updates.',
        task_id: config.task_id,
        config_id: config.id,
        subject: config.owner,
        status,
        error,
      });
    }
    await this.settle(config, { attempts, delaySeconds: delay ?? null, hasEnded });
  }

  private advance(config: PushConfig, position: number): Promise<boolean> {
    return this.transactions.run((manager) =>
      this.queue.advance(manager, keyOf(config), position, CLAIM_SECONDS),
    );
  }

  private settle(config: PushConfig, outcome: PushOutcome): Promise<void> {
    return this.transactions.run((manager) => this.queue.settle(manager, keyOf(config), outcome));
  }
}

function keyOf({ task_id, owner, id, version }: PushConfig) {
  return { task_id, owner, id, version };
}

function isNotFound(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'task.not_found';
}
