import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { SYSTEM } from '../auth/actor.js';
import { ServiceHeartbeat } from '../database/service-heartbeat.js';
import { sql } from '../database/sql.js';
import { Sweeper } from '../database/sweeper.js';
import { Transactions } from '../database/transactions.js';
import { type ClockFacts, clockFacts } from '../lifecycle/clock-facts.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { type Attempt, Attempts } from './attempts.service.js';

const BATCH = 100;

/** Ends attempts whose worker is not heard of any more, or whose task's deadline is past. */
@Injectable()
export class Lapses implements OnModuleInit {
  constructor(
    private readonly transactions: Transactions,
    private readonly lifecycle: LifecycleService,
    private readonly attempts: Attempts,
    private readonly sweeper: Sweeper,
    private readonly heartbeat: ServiceHeartbeat,
  ) {}

  onModuleInit(): void {
    this.sweeper.add({
      name: 'ended attempts at their deadline',
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

  /** An attempt that has run for the `max_run_seconds` of its task is lost, whatever its heartbeats. */
  async sweepRunLimits(): Promise<number> {
    return this.sweep(PAST_RUN_LIMIT, this.heartbeat.graceUntil, (manager, attempt) =>
      this.attempts.lose(manager, attempt, { ended_reason: 'run_limit' }, SYSTEM),
    );
  }

  /** A lost attempt is closed, and while any are left the next one opens. Until then its worker may still finish. */
  async sweepLeases(): Promise<number> {
    return this.sweep(LAPSED, this.heartbeat.judgedUntil, (manager, attempt) =>
      this.attempts.lose(manager, attempt, { ended_reason: 'lease_lost' }, SYSTEM),
    );
  }

  /** Past the deadline a pending attempt expires, an active one fails, and no other follows. */
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

  /** Each batch is one transaction over rows that nobody else holds. */
  private async sweep(
    which: string,
    until: Date | null,
    end: (manager: EntityManager, attempt: Attempt & ClockFacts) => Promise<unknown>,
  ): Promise<number> {
    return this.transactions.runAlone(async (manager) => {
      const due = await sql<Attempt & ClockFacts>(manager, which, [BATCH, until]);
      for (const attempt of due) await end(manager, attempt);
      return due.length;
    });
  }
}

/** `now()`, for an index cannot serve a comparison with the volatile `clock_timestamp()`. */
const LAPSED = `
  SELECT s.*, ${clockFacts('s')} FROM sessions s
   WHERE attempt IS NOT NULL AND status = 'active' AND lease_expires_at <= least(now(), $2::timestamptz)
     AND (deadline_at IS NULL OR deadline_at > now())
     AND (run_until IS NULL OR run_until > now())
   ORDER BY lease_expires_at LIMIT $1 FOR UPDATE SKIP LOCKED`;

const PAST_RUN_LIMIT = `
  SELECT s.*, ${clockFacts('s')} FROM sessions s
   WHERE run_until <= now() AND status = 'active' AND (deadline_at IS NULL OR deadline_at > now())
     AND ($2::timestamptz IS NULL OR now() > $2)
   ORDER BY run_until LIMIT $1 FOR UPDATE SKIP LOCKED`;

const PAST_DEADLINE = `
  SELECT s.*, ${clockFacts('s')} FROM sessions s
   WHERE attempt IS NOT NULL AND status IN ('pending', 'active') AND deadline_at <= now()
     AND (status = 'pending' OR $2::timestamptz IS NULL OR now() > $2)
   ORDER BY deadline_at LIMIT $1 FOR UPDATE SKIP LOCKED`;
