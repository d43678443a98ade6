import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { SYSTEM } from '../auth/actor.js';
import { ServiceHeartbeatService } from '../database/service-heartbeat.service.js';
import { sql } from '../database/sql.js';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { approvalEvent } from './approval-events.js';

const BATCH = 500;

interface ExpiredApproval {
  id: string;
  task_id: string;
  approver_role: string;
  trace_id: string;
}

/** Stores the expiry of approvals. Readers see the status `expired` before that, from `expires_at` on. */
@Injectable()
export class ApprovalExpiryService implements OnModuleInit {
  constructor(
    private readonly transactions: TransactionsService,
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
    return this.transactions.runInNewTransaction((manager) => this.expire(manager, 'true', []));
  }

  /** Expires the overdue approvals of a task in the transaction of the caller, which holds the lock of the task. */
  async expireOf(manager: EntityManager, taskId: string): Promise<void> {
    await this.expire(manager, 'a.task_id = $3', [taskId]);
  }

  private async expire(
    manager: EntityManager,
    which: string,
    parameters: string[],
  ): Promise<number> {
    const expired = await sql<ExpiredApproval>(manager, expireStatement(which), [
      BATCH,
      this.heartbeat.judgedUntil,
      ...parameters,
    ]);
    this.audit.recordAll(
      manager,
      expired.map((approval) => approvalEvent('approval_expired', approval, approval, SYSTEM)),
    );
    return expired.length;
  }
}

/** Compares with `now()`, because an index cannot serve a comparison with the volatile `clock_timestamp()`. */
const expireStatement = (which: string): string => `
  WITH due AS MATERIALIZED (
    SELECT a.id FROM approvals a
     WHERE ${which} AND a.status = 'pending' AND a.expires_at <= least(now(), $2::timestamptz)
     ORDER BY a.expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
  )
  UPDATE approvals a SET status = 'expired'
    FROM due, tasks t WHERE a.id = due.id AND t.id = a.task_id
  RETURNING a.id, a.task_id, a.approver_role, t.trace_id`;
