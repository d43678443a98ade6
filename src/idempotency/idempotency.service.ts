import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { DatabaseClock } from '../database/database-clock.js';
import { Sweeper } from '../database/sweeper.js';
import { Transactions } from '../database/transactions.js';
import { DomainError, UnavailableError } from '../errors/domain-error.js';
import { requestContext } from '../observability/request-context.js';
import { inProgress, payloadMismatch, roleRevoked } from './idempotency-errors.js';
import { type HitSource, IdempotencyMetrics } from './idempotency-metrics.js';
import { IdempotencyRecords } from './idempotency-records.js';
import { KeptAnswers } from './kept-answers.js';
import type { KeyedRequest } from './keyed-request.js';
import { type Answer, KeyedTurn, ScopeBusy, Settled } from './keyed-turn.js';
import { KeyedQueue, QueueTimeout } from './single-flight.js';
import { ReplayRules } from './replay-rules.js';
import type { StoredResponse } from './stored-response.js';

export interface Outcome extends Answer {
  /** Whether the answer is that of an earlier request, and nothing was done now. */
  replayed: boolean;
}

/** How long a request waits for another with its key, in milliseconds. */
const PATIENCE_MS = 1_000;
const POLL_MS = 25;
const SWEEP_BATCH = 1_000;

/**
 * Lets a keyed request happen once. The truth is a record in Postgres, committed in the transaction of what the
 * request did; Redis and this process's memory only answer sooner.
 */
@Injectable()
export class IdempotencyService implements OnModuleInit {
  private readonly queue = new KeyedQueue();

  constructor(
    private readonly transactions: Transactions,
    private readonly records: IdempotencyRecords,
    private readonly kept: KeptAnswers,
    private readonly metrics: IdempotencyMetrics,
    private readonly environment: Environment,
    private readonly sweeper: Sweeper,
    private readonly rules: ReplayRules,
    private readonly clock: DatabaseClock,
  ) {}

  onModuleInit(): void {
    this.sweeper.add({
      name: 'deleted expired idempotency records',
      batch: SWEEP_BATCH,
      run: () =>
        this.transactions.run((manager) => this.records.deleteExpired(manager, SWEEP_BATCH)),
    });
  }

  /**
   * Carries out `work` unless the request was carried out before; then gives that answer.
   * Answers of success are kept, except 204. A replay shows the present state where a {@link ReplayRules} rule says so.
   *
   * @param work what the request does, inside `Transactions.run`
   * @throws DomainError `idempotency.in_progress`, `idempotency.payload_mismatch`, or what `work` throws
   */
  async once(request: KeyedRequest, work: () => Promise<Answer>): Promise<Outcome> {
    if (this.rules.executesAgain(request)) return { ...(await work()), replayed: false };
    const outcome = await this.onceOnly(request, work);
    if (!outcome.replayed) return outcome;
    return { ...outcome, body: await this.rules.textOf(request, outcome.body) };
  }

  private async onceOnly(request: KeyedRequest, work: () => Promise<Answer>): Promise<Outcome> {
    const { answer, isNothing } = await this.kept.inRedis(request);
    if (answer) return this.replay(request, answer, 'redis');
    const identity = request.identity.toString('hex');
    const deadline = performance.now() + PATIENCE_MS;
    try {
      return await this.queue.run(identity, PATIENCE_MS, () =>
        this.inTurn(request, work, isNothing, deadline),
      );
    } catch (error) {
      if (!(error instanceof QueueTimeout)) throw error;
      this.metrics.conflicts.inc();
      throw inProgress();
    } finally {
      if (!this.queue.has(identity)) this.kept.forgetHere(request);
    }
  }

  /** Waits, without a connection, while another process is carrying the request out. */
  private async inTurn(
    request: KeyedRequest,
    work: () => Promise<Answer>,
    isSaidToBeNew: boolean,
    deadline: number,
  ): Promise<Outcome> {
    for (let believes = isSaidToBeNew; ; believes = false) {
      const here = this.kept.here(request);
      if (here) return this.replay(request, here, 'memory');
      try {
        return await this.carryOut(request, work, believes);
      } catch (error) {
        if (error instanceof Settled) {
          this.keep(request, error.response);
          return this.replay(request, error.response, 'postgres');
        }
        if (!(error instanceof ScopeBusy)) throw error;
      }
      if (performance.now() + POLL_MS > deadline) throw new QueueTimeout();
      await sleep(POLL_MS);
    }
  }

  private async carryOut(
    request: KeyedRequest,
    work: () => Promise<Answer>,
    believes: boolean,
  ): Promise<Outcome> {
    const turn = new KeyedTurn(this.records, request, believes, this.clock);
    const ttl = this.environment.IDEMPOTENCY_TTL_SECONDS;
    let expiresAt = 0;
    const answer = await this.transactions.share({
      begun: (manager) => turn.begin(manager),
      work: () => this.done(turn, work),
      finish: async (manager, made: Answer) => {
        expiresAt = Math.floor(this.clock.now() + ttl * 1000);
        await turn.finish(manager, made, ttl);
        return made;
      },
    });
    this.metrics.misses.inc();
    if (answer.status !== 204) {
      const actingRole = requestContext()?.effect?.role ?? null;
      const { fingerprint } = request;
      this.keep(request, { ...answer, fingerprint, actingRole, expiresAt });
    }
    return { ...answer, replayed: false };
  }

  private keep(request: KeyedRequest, response: StoredResponse): void {
    const isAwaited = this.queue.isAwaited(request.identity.toString('hex'));
    this.kept.keep(request, response, isAwaited);
  }

  /**
   * A retry may be refused for what the request itself has done, or because time has passed: it is given the answer to
   * that all the same, for who is refused believes that nothing was done.
   */
  private async done(turn: KeyedTurn, work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      if (turn.isUnsure && isRefusal(error)) {
        await this.transactions.read((manager) => turn.makeSure(manager));
      }
      throw error;
    }
  }

  private replay(request: KeyedRequest, response: StoredResponse, source: HitSource): Outcome {
    if (!response.fingerprint.equals(request.fingerprint)) {
      this.metrics.mismatches.inc();
      throw payloadMismatch();
    }
    const { actingRole, body } = response;
    if (actingRole !== null && !request.roles.includes(actingRole)) throw roleRevoked();
    this.metrics.hits.inc({ source });
    return { status: 200, body, replayed: true };
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof DomainError && !(error instanceof UnavailableError);
}
