import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { MetricsService } from '../observability/metrics.service.js';
import { boundedRoles } from '../observability/role-labels.js';

/** Who keeps the mesh waiting: counted when somebody looks, by an index that holds what is pending and nothing else. */
@Injectable()
export class ApprovalMetricsService {
  constructor({ registry }: MetricsService, transactions: TransactionsService) {
    const logger = new Logger(ApprovalMetricsService.name);
    new Gauge({
      name: 'mesh_approvals_pending',
      help: 'Approvals that wait for a decision, by the role that is to decide.',
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
          // The other metrics say that the database is away; they are to be read then, too.
          logger.debug('The pending approvals could not be counted');
        }
      },
    });
  }
}

const PENDING_BY_ROLE = boundedRoles(`
  SELECT approver_role AS role, count(*) AS count, max(created_at) AS latest FROM approvals
   WHERE status = 'pending' AND expires_at > now() GROUP BY approver_role`);
