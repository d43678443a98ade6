import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { ReplayRulesService } from '../idempotency/replay-rules.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { WebhookDeliveriesRepository } from './webhook-deliveries.repository.js';
import { WebhookSecretsService } from './webhook-secrets.service.js';

/** Days for which ended deliveries are kept. */
const KEEP_DAYS = 14;
const BATCH = 500;

/** Deletes old deliveries, measures the backlog, and keeps secrets out of idempotency records. */
@Injectable()
export class WebhookMaintenanceService implements OnModuleInit {
  private readonly logger = new Logger(WebhookMaintenanceService.name);

  constructor(
    private readonly sweeper: SweeperService,
    private readonly rules: ReplayRulesService,
    private readonly secrets: WebhookSecretsService,
    private readonly transactions: TransactionsService,
    private readonly deliveries: WebhookDeliveriesRepository,
    { registry }: MetricsService,
  ) {
    const registers = [registry];
    const age = new Gauge({
      name: 'mesh_webhook_backlog_seconds',
      help: 'Seconds that the oldest pending delivery is overdue.',
      registers,
    });
    const observe = async (pending: Gauge): Promise<void> => {
      const { count, seconds } = await this.backlog();
      pending.set(count);
      age.set(seconds);
    };
    new Gauge({
      name: 'mesh_webhook_deliveries_pending',
      help: 'Pending deliveries of enabled webhooks, at most 10,000.',
      registers,
      async collect() {
        await observe(this);
      },
    });
  }

  onModuleInit(): void {
    this.rules.add({
      method: 'POST',
      path: /^\/webhooks(\/[^/]+\/rotate)?\/?$/i,
      secrecy: {
        seal: (text) => this.secrets.sealResponse(text),
        open: (text) => this.secrets.openResponse(text),
      },
    });
    this.sweeper.add({
      name: 'Webhook deliveries deleted',
      batch: BATCH,
      run: () =>
        this.transactions.run((manager) => this.deliveries.deleteOld(manager, KEEP_DAYS, BATCH)),
    });
  }

  private async backlog(): Promise<{ count: number; seconds: number }> {
    try {
      return await this.transactions.read((manager) => this.deliveries.getBacklog(manager));
    } catch {
      // The scrape succeeds without these gauges: other metrics show that the database is down.
      this.logger.debug('Cannot count the pending deliveries');
      return { count: NaN, seconds: NaN };
    }
  }
}
