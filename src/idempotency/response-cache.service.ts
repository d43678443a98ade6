import { Injectable } from '@nestjs/common';
import { DatabaseClockService } from '../database/database-clock.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';
import type { KeyedRequest } from './keyed-request.js';
import {
  cacheKeyOf,
  decodeStoredResponse,
  encodeStoredResponse,
  type StoredResponse,
} from './stored-response.js';

/** What Redis says of a key. */
export interface CacheLookup {
  /** The answer to this very request. */
  response?: StoredResponse;
  /** Whether Redis has nothing under the key; false as well where it cannot tell. */
  isMiss: boolean;
}

/**
 * Answers that can be given without Postgres: in Redis for whoever asks again, in this process for those who wait here.
 * None outlives its record.
 */
@Injectable()
export class ResponseCacheService {
  /** What those who wait in the queue are going to ask for, by the identity of the request. */
  private readonly awaited = new Map<string, StoredResponse>();

  constructor(
    private readonly cache: RedisCacheService,
    private readonly clock: DatabaseClockService,
  ) {}

  async fromRedis({ key, scope, fingerprint }: KeyedRequest): Promise<CacheLookup> {
    const text = await this.cache.get(cacheKeyOf(key));
    const answer = decodeStoredResponse(text ?? undefined, scope, this.clock.now());
    // Postgres, not Redis, says that a key was used for something else.
    const isFitting = answer?.fingerprint.equals(fingerprint) === true;
    return { ...(isFitting && { response: answer }), isMiss: text === null };
  }

  /** What was kept for those who wait. */
  fromMemory({ identity }: KeyedRequest): StoredResponse | undefined {
    const kept = this.awaited.get(identity.toString('hex'));
    return kept && kept.expiresAt > this.clock.now() ? kept : undefined;
  }

  /** Keeps a committed answer; here only for those who wait for it. */
  store(
    { key, scope, identity }: KeyedRequest,
    response: StoredResponse,
    isAwaited: boolean,
  ): void {
    if (isAwaited) this.awaited.set(identity.toString('hex'), response);
    const ttl = (response.expiresAt - this.clock.now()) / 1000;
    // Without an estimate of PostgreSQL's clock nobody could judge by it.
    if (!Number.isFinite(ttl)) return;
    void this.cache.set(cacheKeyOf(key), encodeStoredResponse(scope, response), ttl);
  }

  /** Nobody waits any more. */
  evictLocal({ identity }: KeyedRequest): void {
    this.awaited.delete(identity.toString('hex'));
  }
}
