import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { Sweeper } from '../database/sweeper.js';
import { Transactions } from '../database/transactions.js';
import { requestContext } from '../observability/request-context.js';
import { RedisCache } from '../redis/redis-cache.js';
import { derivedTaskKey, uuidOf } from './derived-task-key.js';
import { inProgress, payloadMismatch, roleRevoked } from './idempotency-errors.js';
import { type HitSource, IdempotencyMetrics } from './idempotency-metrics.js';
import { IdempotencyRecords } from './idempotency-records.js';
import { KeyedQueue, QueueTimeout } from './single-flight.js';
import {
  cacheKeyOf,
  decodeStoredResponse,
  encodeStoredResponse,
  type StoredResponse,
} from './stored-response.js';

/** A request that must happen once. */
export interface KeyedRequest {
  /** Within what the key means one request; see {@link idempotencyScope}. */
  scope: Buffer;
  /** What is asked for; see {@link fingerprint}. */
  fingerprint: Buffer;
  key: string;
  /** The caller's subject, and the roles that it has now. */
  caller: string;
  roles: readonly string[];
  method: string;
  path: string;
}

/** What a request is answered with. */
export interface Answer {
  status: number;
  body: string;
}

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
  /** What those who wait in the queue are going to ask for, by scope. */
  private readonly settled = new Map<string, StoredResponse>();

  constructor(
    private readonly transactions: Transactions,
    private readonly records: IdempotencyRecords,
    private readonly cache: RedisCache,
    private readonly metrics: IdempotencyMetrics,
    private readonly environment: Environment,
    private readonly sweeper: Sweeper,
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
   * Answers of success are kept, except 204.
   *
   * @param work what the request does, inside `Transactions.run`
   * @throws DomainError `idempotency.in_progress`, `idempotency.payload_mismatch`, or what `work` throws
   */
  async once(request: KeyedRequest, work: () => Promise<Answer>): Promise<Outcome> {
    const cached = decodeStoredResponse(
      await this.cache.get(cacheKeyOf(request.key)),
      request.scope,
    );
    // Postgres, not Redis, says that a key was used for something else.
    if (cached?.fingerprint.equals(request.fingerprint))
      return this.replay(request, cached, 'redis');
    const scope = request.scope.toString('hex');
    const deadline = performance.now() + PATIENCE_MS;
    try {
      return await this.queue.run(scope, PATIENCE_MS, () => this.inTurn(request, work, deadline));
    } catch (error) {
      if (!(error instanceof QueueTimeout)) throw error;
      this.metrics.conflicts.inc();
      throw inProgress();
    } finally {
      if (!this.queue.has(scope)) this.settled.delete(scope);
    }
  }

  /** Waits, without a connection, while another process is carrying the request out. */
  private async inTurn(
    request: KeyedRequest,
    work: () => Promise<Answer>,
    deadline: number,
  ): Promise<Outcome> {
    for (;;) {
      const settled = this.settled.get(request.scope.toString('hex'));
      if (settled && settled.expiresAt > Date.now()) {
        return this.replay(request, settled, 'memory');
      }
      try {
        return await this.carryOut(request, work);
      } catch (error) {
        if (error instanceof Settled) return this.replay(request, error.response, 'postgres');
        if (!(error instanceof ScopeBusy)) throw error;
      }
      if (performance.now() + POLL_MS > deadline) throw new QueueTimeout();
      await sleep(POLL_MS);
    }
  }

  private async carryOut(request: KeyedRequest, work: () => Promise<Answer>): Promise<Outcome> {
    let generation = 0;
    let keptUntil = 0;
    const answer = await this.transactions.share({
      begun: async (manager) => {
        generation = await this.begin(manager, request);
      },
      work,
      finish: async (manager, made: Answer) => {
        keptUntil = Date.now() + this.environment.IDEMPOTENCY_TTL_SECONDS * 1000;
        if (made.status !== 204) await this.save(manager, request, made, generation);
        return made;
      },
    });
    this.metrics.misses.inc();
    if (answer.status !== 204) this.remember(request, answer, keptUntil);
    return { ...answer, replayed: false };
  }

  /** Begins the transaction of a request: it goes on only if it is the first. */
  private async begin(manager: EntityManager, request: KeyedRequest): Promise<number> {
    // One round trip, but still two statements, one after the other.
    const [isMine, record] = await Promise.all([
      this.records.tryLock(manager, request.scope),
      this.records.find(manager, request.scope),
    ]);
    if (!isMine) throw new ScopeBusy();
    if (record && !record.expired) {
      throw new Settled({
        fingerprint: record.fingerprint,
        status: record.response_status,
        body: record.response_body,
        actingRole: record.acting_role,
        expiresAt: record.expires_at.getTime(),
      });
    }
    const generation = (record?.generation ?? 0) + 1;
    const context = requestContext();
    if (context) {
      const preferred = uuidOf(request.key);
      context.taskKey = {
        ...(preferred && { preferred }),
        derived: derivedTaskKey(request.scope, generation),
      };
      context.effect = undefined;
    }
    return generation;
  }

  private async save(
    manager: EntityManager,
    { scope, fingerprint, caller, key, method, path }: KeyedRequest,
    { status, body }: Answer,
    generation: number,
  ): Promise<void> {
    const effect = requestContext()?.effect;
    await this.records.save(
      manager,
      {
        scope,
        fingerprint,
        caller,
        key,
        method,
        path,
        acting_role: effect?.role ?? null,
        response_status: status,
        response_body: body,
        resource_type: effect?.type ?? null,
        resource_id: effect?.id ?? null,
        generation,
      },
      this.environment.IDEMPOTENCY_TTL_SECONDS,
    );
  }

  /** Keeps a committed answer at hand, never longer than its record lives. */
  private remember(request: KeyedRequest, { status, body }: Answer, expiresAt: number): void {
    const { fingerprint } = request;
    const actingRole = requestContext()?.effect?.role ?? null;
    const response = { fingerprint, status, body, actingRole, expiresAt };
    const scope = request.scope.toString('hex');
    if (this.queue.isAwaited(scope)) this.settled.set(scope, response);
    const ttl = (expiresAt - Date.now()) / 1000;
    void this.cache.set(
      cacheKeyOf(request.key),
      encodeStoredResponse(request.scope, response),
      ttl,
    );
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

/** Ends the transaction of a retry: the request was carried out before. */
class Settled extends Error {
  constructor(readonly response: StoredResponse) {
    super('the request was carried out before');
  }
}

/** Ends the transaction of a request that another process is carrying out. */
class ScopeBusy extends Error {}
