import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { ApprovalListsRepository, type PendingApprovals } from './approval-lists.repository.js';

/** Metrics of pending approvals, read at each scrape with an index of pending approvals only. */
@Injectable()
export class ApprovalMetricsService {
  private readonly logger = new Logger(ApprovalMetricsService.name);
  private reading?: Promise<PendingApprovals[]>;

  constructor(
    { registry }: MetricsService,
    private readonly transactions: TransactionsService,
    private readonly lists: ApprovalListsRepository,
  ) {
    const read = (): Promise<PendingApprovals[]> => this.readOnce();
    new Gauge({
      name: 'mesh_approvals_pending',
      help: 'Pending approvals by approver role.',
      labelNames: ['role'],
      registers: [registry],
      async collect() {
        const rows = await read();
        this.reset();
        for (const { role, count } of rows) this.set({ role }, count);
      },
    });
    new Gauge({
      name: 'mesh_approvals_oldest_seconds',
      help: 'Age of the oldest pending approval by approver role.',
      labelNames: ['role'],
      registers: [registry],
      async collect() {
        const rows = await read();
        this.reset();
        for (const { role, age_seconds } of rows) this.set({ role }, age_seconds);
      },
    });
  }

  /** The gauges of one scrape share one read. */
  private readOnce(): Promise<PendingApprovals[]> {
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async read(): Promise<PendingApprovals[]> {
    try {
      return await this.transactions.read((manager) => this.lists.countPendingByRole(manager));
    } catch {
      // The scrape succeeds without these gauges: other metrics show that the database is down.
      this.logger.debug('Cannot count the pending approvals');
      return [];
    }
  }
}
