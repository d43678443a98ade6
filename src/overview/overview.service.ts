import { Injectable } from '@nestjs/common';
import { ApprovalsReaderService } from '../approvals/approvals-reader.service.js';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { ListReadsService } from '../database/replica/list-reads.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import type { OverviewDto } from './dto/overview.dto.js';
import type { WaitingDto } from './dto/waiting.dto.js';
import { MOST_COUNTED, OverviewRepository } from './overview.repository.js';

/** Counts the work that a caller may see. */
@Injectable()
export class OverviewService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reads: ListReadsService,
    private readonly counts: OverviewRepository,
    private readonly approvals: ApprovalsReaderService,
  ) {}

  get(agent: Agent): Promise<OverviewDto> {
    const roles = canReadEverything(agent) ? undefined : agent.roles;
    return this.reads.read(async (manager) => {
      const [pending, active, dead, pendingApprovals, waiting, queues, hours, decisions, lost] =
        await Promise.all([
          this.counts.countTasks(manager, roles, 'pending'),
          this.counts.countTasks(manager, roles, 'active'),
          this.counts.countTasks(manager, roles, 'dead'),
          this.counts.countPendingApprovals(manager, roles),
          this.approvals.countWaiting(manager, agent),
          this.counts.listQueues(manager, roles),
          this.counts.listHours(manager, roles),
          this.counts.summarizeDecisions(manager, roles),
          this.counts.countLostLeases(manager, roles),
        ]);
      return {
        counted_to: MOST_COUNTED,
        tasks: { pending, active, dead },
        approvals: { pending: pendingApprovals, waiting_for_me: waiting },
        roles: queues,
        hours,
        decisions,
        leases_lost: lost,
      };
    });
  }

  async waiting(agent: Agent): Promise<WaitingDto> {
    return this.transactions.read(async (manager) => ({
      approvals: await this.approvals.countWaiting(manager, agent),
    }));
  }
}
