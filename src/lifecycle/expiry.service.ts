import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { SYSTEM } from '../auth/actor.js';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { type ExpiredSession, LifecycleRepository } from './lifecycle.repository.js';

/** Maximum number of sessions that one statement of the sweep expires. */
const SWEEP_BATCH = 1_000;

/** Expires open sessions whose retention has passed. */
@Injectable()
export class ExpiryService implements OnModuleInit {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
    private readonly sessions: LifecycleRepository,
    private readonly sweeper: SweeperService,
  ) {}

  onModuleInit(): void {
    this.sweeper.add({
      name: 'expired overdue sessions',
      batch: SWEEP_BATCH,
      run: () => this.sweep(),
    });
  }

  /**
   * Expires one session in its own transaction, if it is overdue, so that a later transaction reads its final status.
   */
  async expireIfOverdue(id: string): Promise<void> {
    if (!(await this.sessions.isOverdue(id))) return;
    await this.transactions.runInNewTransaction((manager) => this.expireWithin(manager, id));
  }

  /** Expires one session in the transaction of the caller, if it is overdue. */
  async expireWithin(manager: EntityManager, id: string): Promise<void> {
    this.recordAll(manager, await this.sessions.expireOne(manager, id));
  }

  /** Expires one batch of overdue sessions, without those that are locked. Returns the number of expired sessions. */
  async sweep(): Promise<number> {
    return this.transactions.runInNewTransaction(async (manager) => {
      const expired = await this.sessions.expireOldest(manager, SWEEP_BATCH);
      this.recordAll(manager, expired);
      return expired.length;
    });
  }

  private recordAll(manager: EntityManager, expired: readonly ExpiredSession[]): void {
    this.audit.recordAll(
      manager,
      expired.map(({ id, trace_id, task_id, from, version, at }) => ({
        event_type: 'session_transitioned',
        trace_id,
        by: SYSTEM,
        task_id,
        session_id: id,
        metadata: { from, to: 'expired', reason: 'retention', retryable: null, version },
        at,
      })),
    );
  }
}
