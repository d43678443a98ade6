import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { TransactionsService } from '../database/transactions.service.js';
import { ParkedTasksService } from '../lifecycle/parked-tasks.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { ApprovalChangesRepository } from './approval-changes.repository.js';
import { alreadyEnded, approvalNotFound } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalsReaderService, approvalRelations } from './approvals-reader.service.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';

/** Withdraws pending approvals. */
@Injectable()
export class WithdrawalsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly reader: ApprovalsReaderService,
    private readonly approvals: ApprovalsRepository,
    private readonly changes: ApprovalChangesRepository,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly parked: ParkedTasksService,
    private readonly audit: AuditService,
  ) {}

  /** Withdraws a pending approval. */
  async withdraw(agent: Agent, id: string, reason: string | undefined): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: found, task: facts } = await this.reader.getWithTask(manager, agent, id);
      authorize('approvals.withdraw', approvalRelations(agent, found, facts), approvalNotFound);
      const task = await this.taskStates.lockOpen(manager, facts.task_id);
      await this.exclusions.assertOwnRequest(manager, agent, task, found);
      const withdrawn = await this.changes.end(manager, { id, status: 'withdrawn' });
      if (!withdrawn) throw alreadyEnded(await this.approvals.lock(manager, id));
      const by = { role: found.requested_role ?? '', subject: agent.subject };
      this.audit.record(
        manager,
        approvalEvent('approval_withdrawn', withdrawn, task, by, {
          told: reason,
          decision_at: withdrawn.decision_at,
        }),
      );
      await this.parked.follow(manager, task, withdrawn, null, by);
      return withdrawn;
    });
    return toApprovalDto(approval);
  }
}
