import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { WebhookDeliveriesRepository } from './webhook-deliveries.repository.js';
import type { WebhookStatus } from './webhook.entity.js';
import { WebhooksRepository } from './webhooks.repository.js';

const STATUSES: readonly WebhookStatus[] = ['enabled', 'disabled', 'disabled_failing', 'gone'];

interface WebhookWork {
  /** Number of webhooks by status. */
  webhooks: Partial<Record<WebhookStatus, number>>;
  /** Pending deliveries of enabled webhooks. */
  count: number;
  /** Seconds that the oldest is overdue. */
  seconds: number;
}

/** Metrics of webhooks and their deliveries, read from the database at each scrape. */
@Injectable()
export class WebhookMetricsService {
  private readonly logger = new Logger(WebhookMetricsService.name);
  private reading?: Promise<WebhookWork>;

  constructor(
    { registry }: MetricsService,
    private readonly transactions: TransactionsService,
    private readonly webhooks: WebhooksRepository,
    private readonly deliveries: WebhookDeliveriesRepository,
  ) {
    const registers = [registry];
    const read = (): Promise<WebhookWork> => this.readOnce();
    new Gauge({
      name: 'mesh_webhooks',
      help: 'Webhooks by status.',
      labelNames: ['status'],
      registers,
      async collect() {
        const { webhooks } = await read();
        for (const status of STATUSES) this.set({ status }, webhooks[status] ?? 0);
      },
    });
    new Gauge({
      name: 'mesh_webhook_backlog_seconds',
      help: 'Seconds that the oldest pending delivery is overdue.',
      registers,
      async collect() {
        this.set((await read()).seconds);
      },
    });
    new Gauge({
      name: 'mesh_webhook_deliveries_pending',
      help: 'Pending deliveries of enabled webhooks, at most 10,000.',
      registers,
      async collect() {
        this.set((await read()).count);
      },
    });
  }

  /** The gauges of one scrape share one read. */
  private readOnce(): Promise<WebhookWork> {
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async read(): Promise<WebhookWork> {
    try {
      return await this.transactions.read(async (manager) => {
        const [webhooks, backlog] = await Promise.all([
          this.webhooks.countByStatus(manager),
          this.deliveries.getBacklog(manager),
        ]);
        return { webhooks, ...backlog };
      });
    } catch {
      // The scrape succeeds without these gauges: other metrics show that the database is down.
      this.logger.debug('Cannot count the webhooks and their deliveries');
      return { webhooks: {}, count: NaN, seconds: NaN };
    }
  }
}
