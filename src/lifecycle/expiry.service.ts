import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { SYSTEM } from '../auth/actor.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { overdue } from './overdue.js';
import type { SessionStatus } from './session-status.js';

/** Maximum number of sessions that one statement of the sweep expires. */
const SWEEP_BATCH = 1_000;

/** Expires open sessions whose retention has passed. */
@Injectable()
export class ExpiryService implements OnModuleInit {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
    private readonly environment: Environment,
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
    const isOverdue = await this.transactions.readOne(
      `SELECT 1 FROM sessions s WHERE s.id = $1 AND ${overdue('s', '$2')}`,
      [id, this.environment.SESSION_RETENTION_DAYS],
    );
    if (isOverdue.length > 0) await this.expireInNewTransaction('s.id = $3', [id]);
  }

  /** Expires one session in the transaction of the caller, if it is overdue. */
  async expireWithin(manager: EntityManager, id: string): Promise<void> {
    await this.expire(manager, 's.id = $3', [id]);
  }

  /** Expires one batch of overdue sessions, without those that are locked. Returns the number of expired sessions. */
  async sweep(): Promise<number> {
    return this.expireInNewTransaction('true', []);
  }

  private async expireInNewTransaction(which: string, parameters: string[]): Promise<number> {
    return this.transactions.runInNewTransaction((manager) =>
      this.expire(manager, which, parameters),
    );
  }

  private async expire(
    manager: EntityManager,
    which: string,
    parameters: string[],
  ): Promise<number> {
    const expired = await sql<ExpiredSession>(manager, expireStatement(which), [
      this.environment.SESSION_RETENTION_DAYS,
      SWEEP_BATCH,
      ...parameters,
    ]);
    this.recordAll(manager, expired);
    return expired.length;
  }

  private recordAll(manager: EntityManager, expired: readonly ExpiredSession[]): void {
    this.audit.recordAll(
      manager,
      expired.map(({ id, trace_id, task_id, from, version }) => ({
        event_type: 'session_transitioned',
        trace_id,
        by: SYSTEM,
        task_id,
        session_id: id,
        metadata: { from, to: 'expired', reason: 'retention', version },
      })),
    );
  }
}

interface ExpiredSession {
  id: string;
  task_id: string | null;
  trace_id: string;
  version: number;
  from: SessionStatus;
}

const expireStatement = (which: string): string => `
  WITH due AS (
    SELECT s.id, s.status FROM sessions s
     WHERE ${which} AND ${overdue('s', '$1')}
       -- The line above implies this condition; an index can serve it.
       AND s.created_at < now() - make_interval(days => $1::integer)
     ORDER BY s.created_at
     LIMIT $2 FOR UPDATE SKIP LOCKED
  )
  UPDATE sessions s
     SET status = 'expired', ended_reason = 'retention', version = version + 1,
         updated_at = clock_timestamp()
    FROM due WHERE s.id = due.id
  RETURNING s.id, s.task_id, s.trace_id, s.version, due.status AS "from"`;
