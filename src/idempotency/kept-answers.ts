import { Injectable } from '@nestjs/common';
import { DatabaseClock } from '../database/database-clock.js';
import { RedisCache } from '../redis/redis-cache.js';
import type { KeyedRequest } from './keyed-request.js';
import {
  cacheKeyOf,
  decodeStoredResponse,
  encodeStoredResponse,
  type StoredResponse,
} from './stored-response.js';

/** What Redis says of a key. */
export interface Heard {
  /** The answer to this very request. */
  answer?: StoredResponse;
  /** Whether Redis has nothing under the key; false as well where it cannot tell. */
  isNothing: boolean;
}

/**
 * Answers that can be given without Postgres: in Redis for whoever asks again, in this process for those who wait here.
 * None outlives its record.
 */
@Injectable()
export class KeptAnswers {
  /** What those who wait in the queue are going to ask for, by the identity of the request. */
  private readonly awaited = new Map<string, StoredResponse>();

  constructor(
    private readonly cache: RedisCache,
    private readonly clock: DatabaseClock,
  ) {}

  async inRedis({ key, scope, fingerprint }: KeyedRequest): Promise<Heard> {
    const text = await this.cache.get(cacheKeyOf(key));
    const answer = decodeStoredResponse(text ?? undefined, scope, this.clock.now());
    // Postgres, not Redis, says that a key was used for something else.
    const isFitting = answer?.fingerprint.equals(fingerprint) === true;
    return { ...(isFitting && { answer }), isNothing: text === null };
  }

  /** What was kept for those who wait. */
  here({ identity }: KeyedRequest): StoredResponse | undefined {
    const kept = this.awaited.get(identity.toString('hex'));
    return kept && kept.expiresAt > this.clock.now() ? kept : undefined;
  }

  /** Keeps a committed answer; here only for those who wait for it. */
  keep({ key, scope, identity }: KeyedRequest, response: StoredResponse, isAwaited: boolean): void {
    if (isAwaited) this.awaited.set(identity.toString('hex'), response);
    const ttl = (response.expiresAt - this.clock.now()) / 1000;
    // Without an estimate of PostgreSQL's clock nobody could judge by it.
    if (!Number.isFinite(ttl)) return;
    void this.cache.set(cacheKeyOf(key), encodeStoredResponse(scope, response), ttl);
  }

  /** Nobody waits any more. */
  forgetHere({ identity }: KeyedRequest): void {
    this.awaited.delete(identity.toString('hex'));
  }
}
