import { Injectable } from '@nestjs/common';
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
  /** What those who wait in the queue are going to ask for, by scope. */
  private readonly awaited = new Map<string, StoredResponse>();

  constructor(private readonly cache: RedisCache) {}

  async inRedis({ key, scope, fingerprint }: KeyedRequest): Promise<Heard> {
    const text = await this.cache.get(cacheKeyOf(key));
    const answer = decodeStoredResponse(text ?? undefined, scope);
    // Postgres, not Redis, says that a key was used for something else.
    const isFitting = answer?.fingerprint.equals(fingerprint) === true;
    return { ...(isFitting && { answer }), isNothing: text === null };
  }

  /** What was kept for those who wait. */
  here({ scope }: KeyedRequest): StoredResponse | undefined {
    const kept = this.awaited.get(scope.toString('hex'));
    return kept && kept.expiresAt > Date.now() ? kept : undefined;
  }

  /** Keeps a committed answer; here only for those who wait for it. */
  keep({ key, scope }: KeyedRequest, response: StoredResponse, isAwaited: boolean): void {
    if (isAwaited) this.awaited.set(scope.toString('hex'), response);
    const ttl = (response.expiresAt - Date.now()) / 1000;
    void this.cache.set(cacheKeyOf(key), encodeStoredResponse(scope, response), ttl);
  }

  /** Nobody waits any more. */
  forgetHere({ scope }: KeyedRequest): void {
    this.awaited.delete(scope.toString('hex'));
  }
}
