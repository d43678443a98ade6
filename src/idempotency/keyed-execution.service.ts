import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { KeyedMutex, MutexTimeout } from './keyed-mutex.js';
import {
  checkHit,
  type HandlerResponse,
  type Hit,
  type KeyedOutcome,
  type Refused,
} from './keyed-outcome.js';
import type { KeyedRequest } from './keyed-request.js';
import { KeyedTransactionService, type StrategyName } from './keyed-transaction.service.js';
import { ResponseCacheService } from './response-cache.service.js';
import { ReplayRulesService } from './replay-rules.service.js';
import type { StoredResponse } from './stored-response.js';

/** Time for which a request waits for another with its idempotency key, in milliseconds. */
const MAX_WAIT_MS = 1_000;
const POLL_MS = 25;

/**
 * Determines the outcome of a keyed request: Redis, the queue of this instance, its memory, then a transaction. The record
 * in PostgreSQL decides. Redis and memory are caches for faster replays.
 */
@Injectable()
export class KeyedExecutionService {
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly cache: ResponseCacheService,
    private readonly transaction: KeyedTransactionService,
    private readonly rules: ReplayRulesService,
  ) {}

  /**
   * Executes `work`, or finds the response of an earlier execution.
   *
   * @throws the error of `work`
   */
  async run(request: KeyedRequest, work: () => Promise<HandlerResponse>): Promise<KeyedOutcome> {
    const { response, isMiss } = await this.cache.fromRedis(request);
    if (response) return this.check(request, { kind: 'cache_hit', response });
    const strategy = isMiss ? 'assume_new' : 'check_first';
    const identity = identityOf(request);
    const deadline = performance.now() + MAX_WAIT_MS;
    try {
      return await this.mutex.run(identity, MAX_WAIT_MS, () =>
        this.runExclusively(request, strategy, work, deadline),
      );
    } catch (error) {
      if (error instanceof MutexTimeout) return { kind: 'locked_elsewhere' };
      throw error;
    } finally {
      if (!this.mutex.has(identity)) this.cache.evictLocal(request);
    }
  }

  /** Polls, without holding a connection, while another instance executes the request. */
  private async runExclusively(
    request: KeyedRequest,
    first: StrategyName,
    work: () => Promise<HandlerResponse>,
    deadline: number,
  ): Promise<KeyedOutcome> {
    for (let strategy = first; ; strategy = 'check_first') {
      const local = this.cache.fromMemory(request);
      if (local) return this.check(request, { kind: 'local_hit', response: local });
      const outcome = await this.transaction.run(request, strategy, work);
      switch (outcome.kind) {
        case 'executed':
          if (outcome.stored) this.store(request, outcome.stored);
          return outcome;
        case 'locked_elsewhere':
          if (performance.now() + POLL_MS > deadline) return outcome;
          await sleep(POLL_MS);
          break;
        case 'stored_record':
          this.store(request, outcome.response);
          return this.check(request, outcome);
      }
    }
  }

  private check(request: KeyedRequest, hit: Hit): Hit | Refused {
    return checkHit(request, hit, this.rules.isSameRequest(request, hit.response));
  }

  private store(request: KeyedRequest, response: StoredResponse): void {
    this.cache.store(request, response, this.mutex.isAwaited(identityOf(request)));
  }
}

function identityOf({ identity }: KeyedRequest): string {
  return identity.toString('hex');
}
