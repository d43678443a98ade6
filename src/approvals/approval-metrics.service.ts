import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { ApprovalListsRepository } from './approval-lists.repository.js';

/** Counts pending approvals at each scrape, with an index of pending approvals only. */
@Injectable()
export class ApprovalMetricsService {
  constructor(
    { registry }: MetricsService,
    transactions: TransactionsService,
    lists: ApprovalListsRepository,
  ) {
    const logger = new Logger(ApprovalMetricsService.name);
    new Gauge({
      name: 'mesh_approvals_pending',
      help: 'Pending approvals by approver role.',
      labelNames: ['role'],
      registers: [registry],
      async collect() {
        this.reset();
        try {
          const rows = await transactions.read((manager) => lists.countPendingByRole(manager));
          for (const { role, count } of rows) this.set({ role }, count);
        } catch {
          // The scrape succeeds without this gauge: other metrics show that the database is down.
          logger.debug('Cannot count the pending approvals');
        }
      },
    });
  }
}
