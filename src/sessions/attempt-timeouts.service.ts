import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { SYSTEM } from '../auth/actor.js';
import { ServiceHeartbeatService } from '../database/service-heartbeat.service.js';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { AttemptTimeoutsRepository, type TimedOutAttempt } from './attempt-timeouts.repository.js';
import { AttemptsService } from './attempts.service.js';

const BATCH = 100;

/** Sweeps that end attempts whose lease, run limit or deadline has passed. */
@Injectable()
export class AttemptTimeoutsService implements OnModuleInit {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly timeouts: AttemptTimeoutsRepository,
    private readonly lifecycle: LifecycleService,
    private readonly attempts: AttemptsService,
    private readonly sweeper: SweeperService,
    private readonly heartbeat: ServiceHeartbeatService,
  ) {}

  onModuleInit(): void {
    this.sweeper.add({
      name: 'ended attempts at the deadline of their task',
      batch: BATCH,
      run: () => this.sweepDeadlines(),
    });
    this.sweeper.add({
      name: 'ended attempts with a lost lease',
      batch: BATCH,
      run: () => this.sweepLeases(),
    });
    this.sweeper.add({
      name: 'ended attempts at their run limit',
      batch: BATCH,
      run: () => this.sweepRunLimits(),
    });
  }

  /** Fails active attempts whose `run_until` has passed, and opens the next ones. Returns the number of attempts. */
  async sweepRunLimits(): Promise<number> {
    return this.sweep(
      (manager) => this.timeouts.lockPastRunLimit(manager, BATCH, this.heartbeat.graceUntil),
      (manager, attempt) =>
        this.attempts.failAttempt(manager, attempt, { ended_reason: 'run_limit' }, SYSTEM),
    );
  }

  /**
   * Fails active attempts whose lease has ended, and opens the next ones. Until the sweep closes an attempt, its worker
   * can still complete it. Returns the number of attempts.
   */
  async sweepLeases(): Promise<number> {
    return this.sweep(
      (manager) => this.timeouts.lockLeaseEnded(manager, BATCH, this.heartbeat.judgedUntil),
      (manager, attempt) =>
        this.attempts.failAttempt(manager, attempt, { ended_reason: 'lease_lost' }, SYSTEM),
    );
  }

  /**
   * Ends attempts of tasks whose deadline has passed: pending attempts expire, active attempts fail, and no next attempt
   * opens. Returns the number of attempts.
   */
  async sweepDeadlines(): Promise<number> {
    return this.sweep(
      (manager) => this.timeouts.lockPastDeadline(manager, BATCH, this.heartbeat.graceUntil),
      (manager, attempt) => {
        const status = attempt.status === 'active' ? 'failed' : 'expired';
        return this.lifecycle.change(
          manager,
          attempt,
          { status, ended_reason: 'deadline' },
          SYSTEM,
        );
      },
    );
  }

  /** Ends one batch of attempts in one transaction. Skips rows that another transaction has locked. */
  private async sweep(
    lock: (manager: EntityManager) => Promise<TimedOutAttempt[]>,
    end: (manager: EntityManager, attempt: TimedOutAttempt) => Promise<unknown>,
  ): Promise<number> {
    return this.transactions.runInNewTransaction(async (manager) => {
      const due = await lock(manager);
      for (const attempt of due) await end(manager, attempt);
      return due.length;
    });
  }
}
