import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { SYSTEM } from '../auth/actor.js';
import { ServiceHeartbeatService } from '../database/service-heartbeat.service.js';
import { sql } from '../database/sql.js';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { type ClockChecks, clockChecks } from '../lifecycle/clock-checks.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { type Attempt, AttemptsService } from './attempts.service.js';

const BATCH = 100;

/** Sweeps that end attempts whose lease, run limit or deadline has passed. */
@Injectable()
export class AttemptTimeoutsService implements OnModuleInit {
  constructor(
    private readonly transactions: TransactionsService,
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
    return this.sweep(PAST_RUN_LIMIT, this.heartbeat.graceUntil, (manager, attempt) =>
      this.attempts.failAttempt(manager, attempt, { ended_reason: 'run_limit' }, SYSTEM),
    );
  }

  /**
   * Fails active attempts whose lease has ended, and opens the next ones. Until the sweep closes an attempt, its worker
   * can still complete it. Returns the number of attempts.
   */
  async sweepLeases(): Promise<number> {
    return this.sweep(LEASE_ENDED, this.heartbeat.judgedUntil, (manager, attempt) =>
      this.attempts.failAttempt(manager, attempt, { ended_reason: 'lease_lost' }, SYSTEM),
    );
  }

  /**
   * Ends attempts of tasks whose deadline has passed: pending attempts expire, active attempts fail, and no next attempt
   * opens. Returns the number of attempts.
   */
  async sweepDeadlines(): Promise<number> {
    return this.sweep(PAST_DEADLINE, this.heartbeat.graceUntil, (manager, attempt) =>
      this.lifecycle.change(
        manager,
        attempt,
        { status: attempt.status === 'active' ? 'failed' : 'expired', ended_reason: 'deadline' },
        SYSTEM,
      ),
    );
  }

  /** Ends one batch of attempts in one transaction. Skips rows that another transaction has locked. */
  private async sweep(
    which: string,
    until: Date | null,
    end: (manager: EntityManager, attempt: Attempt & ClockChecks) => Promise<unknown>,
  ): Promise<number> {
    return this.transactions.runInNewTransaction(async (manager) => {
      const due = await sql<Attempt & ClockChecks>(manager, which, [BATCH, until]);
      for (const attempt of due) await end(manager, attempt);
      return due.length;
    });
  }
}

/** Uses `now()`, because an index cannot serve a comparison with the volatile `clock_timestamp()`. */
const LEASE_ENDED = `
  SELECT s.*, ${clockChecks('s')} FROM sessions s
   WHERE attempt IS NOT NULL AND status = 'active' AND lease_expires_at <= least(now(), $2::timestamptz)
     AND (deadline_at IS NULL OR deadline_at > now())
     AND (run_until IS NULL OR run_until > now())
   ORDER BY lease_expires_at LIMIT $1 FOR UPDATE SKIP LOCKED`;

const PAST_RUN_LIMIT = `
  SELECT s.*, ${clockChecks('s')} FROM sessions s
   WHERE run_until <= now() AND status = 'active' AND (deadline_at IS NULL OR deadline_at > now())
     AND ($2::timestamptz IS NULL OR now() > $2)
   ORDER BY run_until LIMIT $1 FOR UPDATE SKIP LOCKED`;

const PAST_DEADLINE = `
  SELECT s.*, ${clockChecks('s')} FROM sessions s
   WHERE attempt IS NOT NULL AND status IN ('pending', 'active') AND deadline_at <= now()
     AND (status = 'pending' OR $2::timestamptz IS NULL OR now() > $2)
   ORDER BY deadline_at LIMIT $1 FOR UPDATE SKIP LOCKED`;
