import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { sql } from '../database/sql.js';
import { Transactions } from '../database/transactions.js';
import { Metrics } from '../observability/metrics.js';

/** Who keeps the mesh waiting: counted when somebody looks, by an index that holds what is pending and nothing else. */
@Injectable()
export class ApprovalMetrics {
  constructor({ registry }: Metrics, transactions: Transactions) {
    const logger = new Logger(ApprovalMetrics.name);
    new Gauge({
      name: 'mesh_approvals_pending',
      help: 'Approvals that wait for a decision, by the role that is to decide.',
      labelNames: ['role'],
      registers: [registry],
      async collect() {
        this.reset();
        try {
          const rows = await transactions.read((manager) =>
            sql<{ role: string; pending: number }>(manager, PENDING_BY_ROLE),
          );
          for (const { role, pending } of rows) this.set({ role }, pending);
        } catch {
          // The other metrics say that the database is away; they are to be read then, too.
          logger.debug('The pending approvals could not be counted');
        }
      },
    });
  }
}

const PENDING_BY_ROLE = `
  SELECT approver_role AS role, count(*)::integer AS pending FROM approvals
   WHERE status = 'pending' AND expires_at > now() GROUP BY approver_role`;
