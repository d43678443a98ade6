import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { boundedRoles } from '../observability/role-labels.js';

/** Counts pending approvals at each scrape, with an index of pending approvals only. */
@Injectable()
export class ApprovalMetricsService {
  constructor({ registry }: MetricsService, transactions: TransactionsService) {
    const logger = new Logger(ApprovalMetricsService.name);
    new Gauge({
      name: 'mesh_approvals_pending',
      help: 'Pending approvals by approver role.',
      labelNames: ['role'],
      registers: [registry],
      async collect() {
        this.reset();
        try {
          const rows = await transactions.read((manager) =>
            sql<{ role: string; count: number }>(manager, PENDING_BY_ROLE),
          );
          for (const { role, count } of rows) this.set({ role }, count);
        } catch {
          // The scrape succeeds without this gauge: other metrics show that the database is down.
          logger.debug('Cannot count the pending approvals');
        }
      },
    });
  }
}

const PENDING_BY_ROLE = boundedRoles(`
  SELECT approver_role AS role, count(*) AS count, max(created_at) AS latest FROM approvals
   WHERE status = 'pending' AND expires_at > now() GROUP BY approver_role`);
