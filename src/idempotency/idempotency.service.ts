import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { DatabaseClockService } from '../database/database-clock.service.js';
import { SweeperService } from '../database/sweeper.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError, UnavailableError } from '../errors/domain-error.js';
import { inProgress, payloadMismatch, roleRevoked } from './idempotency-errors.js';
import { type HitSource, IdempotencyMetricsService } from './idempotency-metrics.service.js';
import { IdempotencyRecordsRepository } from './idempotency-records.repository.js';
import { ResponseCacheService } from './response-cache.service.js';
import { keyedContexts } from './keyed-context.js';
import type { KeyedRequest } from './keyed-request.js';
import {
  type HandlerResponse,
  KeyedExecution,
  ScopeLocked,
  AlreadyExecuted,
} from './keyed-execution.js';
import { KeyedMutex, MutexTimeout } from './keyed-mutex.js';
import { ReplayRulesService } from './replay-rules.service.js';
import type { StoredResponse } from './stored-response.js';

export interface KeyedOutcome extends HandlerResponse {
  /** Whether it is the stored response of an earlier request, and nothing was executed now. */
  replayed: boolean;
}

/** Time for which a request waits for another with its idempotency key, in milliseconds. */
const MAX_WAIT_MS = 1_000;
const POLL_MS = 25;
const SWEEP_BATCH = 1_000;

/**
 * Executes a keyed request at most once. The record in PostgreSQL decides; it commits in the transaction of the request.
 * Redis and the memory of this instance are caches for faster replays.
 */
@Injectable()
export class IdempotencyService implements OnModuleInit {
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly transactions: TransactionsService,
    private readonly records: IdempotencyRecordsRepository,
    private readonly cache: ResponseCacheService,
    private readonly metrics: IdempotencyMetricsService,
    private readonly environment: Environment,
    private readonly sweeper: SweeperService,
    private readonly rules: ReplayRulesService,
    private readonly clock: DatabaseClockService,
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
   * Executes `work`, or returns the stored response if the request was executed before. Successful responses are stored,
   * except 204. Where {@link ReplayRulesService} has a rule, a replay contains the current state.
   *
   * @param work the effect of the request, which uses `TransactionsService.run`
   * @throws DomainError `idempotency.in_progress`, `idempotency.payload_mismatch`, `auth.role_not_held`, or the error of
   * `work`
   */
  async execute(
    request: KeyedRequest,
    work: () => Promise<HandlerResponse>,
  ): Promise<KeyedOutcome> {
    if (this.rules.isExecutedAgain(request)) return { ...(await work()), replayed: false };
    const outcome = await this.executeOnce(request, work);
    if (!outcome.replayed) return outcome;
    return { ...outcome, body: await this.rules.presentBody(request, outcome.body) };
  }

  private async executeOnce(
    request: KeyedRequest,
    work: () => Promise<HandlerResponse>,
  ): Promise<KeyedOutcome> {
    const { response, isMiss } = await this.cache.fromRedis(request);
    if (response) return this.replay(request, response, 'redis');
    const identity = request.identity.toString('hex');
    const deadline = performance.now() + MAX_WAIT_MS;
    try {
      return await this.mutex.run(identity, MAX_WAIT_MS, () =>
        this.executeExclusively(request, work, isMiss, deadline),
      );
    } catch (error) {
      if (!(error instanceof MutexTimeout)) throw error;
      this.metrics.conflicts.inc();
      throw inProgress();
    } finally {
      if (!this.mutex.has(identity)) this.cache.evictLocal(request);
    }
  }

  /** Polls, without holding a connection, while another instance executes the request. */
  private async executeExclusively(
    request: KeyedRequest,
    work: () => Promise<HandlerResponse>,
    isCacheMiss: boolean,
    deadline: number,
  ): Promise<KeyedOutcome> {
    for (let assumeNew = isCacheMiss; ; assumeNew = false) {
      const here = this.cache.fromMemory(request);
      if (here) return this.replay(request, here, 'memory');
      try {
        return await this.executeInTransaction(request, work, assumeNew);
      } catch (error) {
        if (error instanceof AlreadyExecuted) {
          this.cacheResponse(request, error.response);
          return this.replay(request, error.response, 'postgres');
        }
        if (!(error instanceof ScopeLocked)) throw error;
      }
      if (performance.now() + POLL_MS > deadline) throw new MutexTimeout();
      await sleep(POLL_MS);
    }
  }

  private async executeInTransaction(
    request: KeyedRequest,
    work: () => Promise<HandlerResponse>,
    assumeNew: boolean,
  ): Promise<KeyedOutcome> {
    const execution = new KeyedExecution(this.records, request, assumeNew, this.clock);
    const ttl = this.environment.IDEMPOTENCY_TTL_SECONDS;
    let expiresAt = 0;
    let actingRole: string | null = null;
    const answer = await this.transactions.runShared({
      onBegin: (manager) => execution.begin(manager),
      work: () => this.runHandler(execution, work),
      beforeCommit: async (manager, made: HandlerResponse) => {
        expiresAt = Math.floor(this.clock.now() + ttl * 1000);
        await execution.finish(manager, made, ttl);
        actingRole = keyedContexts.find(manager)?.affected?.role ?? null;
        return made;
      },
    });
    this.metrics.misses.inc();
    if (answer.status !== 204) {
      const { fingerprint } = request;
      this.cacheResponse(request, { ...answer, fingerprint, actingRole, expiresAt });
    }
    return { ...answer, replayed: false };
  }

  private cacheResponse(request: KeyedRequest, response: StoredResponse): void {
    const isAwaited = this.mutex.isAwaited(request.identity.toString('hex'));
    this.cache.store(request, response, isAwaited);
  }

  /**
   * Runs `work`. If it is refused before the absence of a record was verified, looks for the record first: a retry can be
   * refused because of its own first execution, and must then receive the stored response, not the refusal.
   */
  private async runHandler(
    execution: KeyedExecution,
    work: () => Promise<HandlerResponse>,
  ): Promise<HandlerResponse> {
    try {
      return await work();
    } catch (error) {
      if (execution.recordUnchecked && isRefusal(error)) {
        await this.transactions.read((manager) => execution.assertNotExecuted(manager));
      }
      throw error;
    }
  }

  private replay(request: KeyedRequest, response: StoredResponse, source: HitSource): KeyedOutcome {
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
