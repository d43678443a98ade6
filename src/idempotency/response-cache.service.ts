import { Injectable } from '@nestjs/common';
import { DatabaseClockService } from '../database/database-clock.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';
import type { KeyedRequest } from './keyed-request.js';
import { cacheScope } from './scope.js';
import {
  cacheKeyOf,
  decodeStoredResponse,
  encodeStoredResponse,
  type StoredResponse,
} from './stored-response.js';

/** The result of a lookup in Redis. */
export interface CacheLookup {
  /** The stored response to the request. */
  response?: StoredResponse;
  /** Whether Redis responded and has no entry. False if it did not respond. */
  isMiss: boolean;
}

/**
 * Caches of stored responses: Redis for later retries, the memory of this instance for requests that wait in its queue.
 * No entry outlives its record. An entry in Redis belongs to one deployment, by its name and by its scope.
 */
@Injectable()
export class ResponseCacheService {
  /** Responses for requests that wait in the queue, by the identity of the request. */
  private readonly awaited = new Map<string, StoredResponse>();

  constructor(
    private readonly cache: RedisCacheService,
    private readonly clock: DatabaseClockService,
  ) {}

  async fromRedis({ key, scope, fingerprint }: KeyedRequest): Promise<CacheLookup> {
    const { keyPrefix = '' } = this.cache;
    const text = await this.cache.get(cacheKeyOf(key));
    if (typeof text !== 'string') return { isMiss: text === null };
    const answer = decodeStoredResponse(text, cacheScope(keyPrefix, scope), this.clock.now());
    // Only PostgreSQL decides that an idempotency key was used with another request.
    const isFitting = answer?.fingerprint.equals(fingerprint) === true;
    return { ...(isFitting && { response: answer }), isMiss: false };
  }

  /** Returns the response in memory. */
  fromMemory({ identity }: KeyedRequest): StoredResponse | undefined {
    const kept = this.awaited.get(identity.toString('hex'));
    return kept && kept.expiresAt > this.clock.now() ? kept : undefined;
  }

  /** Caches a committed response; in memory only if requests wait for it. */
  store(
    { key, scope, identity }: KeyedRequest,
    response: StoredResponse,
    isAwaited: boolean,
  ): void {
    if (isAwaited) this.awaited.set(identity.toString('hex'), response);
    const ttl = (response.expiresAt - this.clock.now()) / 1000;
    // Without an estimate of PostgreSQL's clock the expiry cannot be checked.
    const { keyPrefix } = this.cache;
    if (!Number.isFinite(ttl) || keyPrefix === undefined) return;
    const value = encodeStoredResponse(cacheScope(keyPrefix, scope), response);
    void this.cache.set(cacheKeyOf(key), value, ttl);
  }

  /** Removes the response from memory when no request waits for it. */
  evictLocal({ identity }: KeyedRequest): void {
    this.awaited.delete(identity.toString('hex'));
  }
}
