import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { SYSTEM } from '../auth/actor.js';
import { ServiceHeartbeatService } from '../database/service-heartbeat.service.js';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import {
  ApprovalDeadlinesRepository,
  type TracedApproval,
} from './approval-deadlines.repository.js';
import { approvalEvent } from './approval-events.js';

const BATCH = 500;

/** Stores the expiry of approvals. Readers see the status `expired` before that, from `expires_at` on. */
@Injectable()
export class ApprovalExpiryService implements OnModuleInit {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly deadlines: ApprovalDeadlinesRepository,
    private readonly audit: AuditService,
    private readonly sweeper: SweeperService,
    private readonly heartbeat: ServiceHeartbeatService,
  ) {}

  onModuleInit(): void {
    this.sweeper.add({
      name: 'expired approvals',
      batch: BATCH,
      run: () => this.sweep(),
    });
  }

  /** Expires one batch of overdue approvals, without those that are locked. Returns the number of expired approvals. */
  async sweep(): Promise<number> {
    return this.transactions.runInNewTransaction(async (manager) => {
      const { judgedUntil } = this.heartbeat;
      const expired = await this.deadlines.expire(manager, judgedUntil, BATCH);
      this.record(manager, expired);
      return expired.length;
    });
  }

  /** Expires the overdue approvals of a task in the transaction of the caller, which holds the lock of the task. */
  async expireOf(manager: EntityManager, taskId: string): Promise<void> {
    const { judgedUntil } = this.heartbeat;
    this.record(manager, await this.deadlines.expireOfTask(manager, taskId, judgedUntil, BATCH));
  }

  private record(manager: EntityManager, expired: readonly TracedApproval[]): void {
    this.audit.recordAll(
      manager,
      expired.map((approval) => approvalEvent('approval_expired', approval, approval, SYSTEM)),
    );
  }
}
