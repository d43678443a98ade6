import type { KeyObject } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { TokenBucket } from './token-bucket.js';
import type { ProviderKey } from './jwk.js';
import {
  explainKeysProblem,
  type KeysProblem,
  keysProblemOf,
  KeysResponseError,
} from './keys-problem.js';
import { keyNotKnownYet, keysUnavailable, tokenInvalid } from './token-errors.js';
import { type KeysState, type TokenAlgorithm, VerificationKeys } from './verification-keys.js';

const MINUTE_MS = 60_000;
const FRESH_MS = 10 * MINUTE_MS;
const USABLE_MS = 60 * MINUTE_MS;
const BACK_OFF_MS = 1000;
const REFRESH_BURST = 2;
const REFRESH_INTERVAL_MS = 30_000;
const MAX_RETIRED = 1000;

/**
 * The cached public signing keys of the identity provider (RFC 7517).
 *
 * - A token with an unknown `kid` triggers a refresh of the set and waits for it. A token with a known `kid` never waits.
 * - A set older than 10 minutes is refreshed in the background, so that a removed key loses its effect.
 * - While the provider is down, the last set is used for one hour. After that, and before the first set, no token can be
 *   verified, and the set is read at most once per second. A first set without a usable key counts as a failure.
 *
 * Concurrent refreshes share one request. Random `kid`s cause at most two refreshes at once and then one per 30 seconds.
 * The burst is two so that one stray token does not delay a rotated key. Under a flood of random `kid`s a new key is known
 * after at most 30 seconds, because each refresh reads the whole set; until then the validity of an unknown `kid` is
 * undecided.
 */
export class JwksCache extends VerificationKeys {
  readonly algorithms = ['RS256', 'PS256', 'ES256'] as const;

  private keys: readonly ProviderKey[] = [];
  /** `kid`s that are no longer published. A token with one of them does not wait. */
  private retired: ReadonlySet<string> = new Set();
  private loadedAt = -Infinity;
  private reading?: Promise<void>;
  private failure?: { readonly at: number; readonly cause: unknown };
  private readonly refreshes: TokenBucket;
  private readonly logger = new Logger(JwksCache.name);

  /** @param read reads the whole set  @param now a monotonic clock in milliseconds */
  constructor(
    private readonly read: () => Promise<readonly ProviderKey[]>,
    private readonly now: () => number = () => performance.now(),
  ) {
    super();
    this.refreshes = new TokenBucket(REFRESH_BURST, REFRESH_INTERVAL_MS, now);
  }

  override async find(algorithm: TokenAlgorithm, keyId: string | undefined): Promise<KeyObject> {
    if (!this.isUsable()) await this.loadUsable();
    const known = this.pick(algorithm, keyId);
    if (known !== undefined) return known;
    if (keyId === undefined || this.keys.some(({ id }) => id === keyId)) throw noSuchKey();
    const wasRead = await this.refresh();
    const added = this.pick(algorithm, keyId);
    if (added !== undefined) return added;
    if (this.failure !== undefined) throw keysUnavailable(this.failure.cause);
    if (wasRead || this.retired.has(keyId)) throw noSuchKey();
    throw keyNotKnownYet(Math.max(1, Math.ceil(this.refreshes.waitMs() / 1000)));
  }

  override known(algorithm: TokenAlgorithm, keyId: string | undefined): KeyObject | undefined {
    return this.isUsable() ? this.pick(algorithm, keyId) : undefined;
  }

  override get state(): KeysState {
    if (this.loadedAt === -Infinity) return 'never_read';
    return this.isUsable() ? 'available' : 'expired';
  }

  override get problem(): KeysProblem | undefined {
    return this.failure && keysProblemOf(this.failure.cause);
  }

  override async prepare(): Promise<void> {
    if (!this.isUsable()) await this.load();
  }

  /** Finds a key. Without `kid` it finds one only if a single key has the algorithm. */
  private pick(algorithm: TokenAlgorithm, keyId: string | undefined): KeyObject | undefined {
    const fitting = this.keys.filter(
      ({ id, algorithms }) => (keyId ?? id) === id && algorithms.includes(algorithm),
    );
    return keyId !== undefined || fitting.length === 1 ? fitting[0]?.key : undefined;
  }

  /** Whether the set can be used. A set that is no longer fresh is refreshed in the background. */
  private isUsable(): boolean {
    const age = this.now() - this.loadedAt;
    if (age > FRESH_MS && age <= USABLE_MS) void this.refresh();
    return age <= USABLE_MS;
  }

  private async loadUsable(): Promise<void> {
    await this.load();
    if (this.now() - this.loadedAt > USABLE_MS) throw keysUnavailable(this.failure?.cause);
  }

  private async load(): Promise<void> {
    const backsOff = this.failure !== undefined && this.now() - this.failure.at < BACK_OFF_MS;
    if (this.reading === undefined && backsOff) return;
    if (this.reading === undefined) this.refreshes.consume();
    await this.readOnce();
  }

  /** Refreshes the set. Returns false if the refresh limit is reached. */
  private async refresh(): Promise<boolean> {
    if (this.reading === undefined && !this.refreshes.consume()) return false;
    await this.readOnce();
    return true;
  }

  private readOnce(): Promise<void> {
    this.reading ??= this.replaceKeys().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  /** Reads the set. Never rejects: on failure the previous keys stay. */
  private async replaceKeys(): Promise<void> {
    try {
      const keys = await this.read();
      if (keys.length === 0 && this.loadedAt === -Infinity)
        throw new KeysResponseError('the key set contains no usable signing key');
      this.retired = retiredAfter(keys, [...this.retired, ...idsOf(this.keys)]);
      this.keys = keys;
      this.loadedAt = this.now();
      this.failure = undefined;
    } catch (cause) {
      if (this.failure === undefined)
        this.logger.warn(`cannot read the signing keys: ${explainKeysProblem(cause)}`);
      this.failure = { at: this.now(), cause };
    }
  }
}

/** Returns the ids that are no longer published, at most the latest 1,000. */
function retiredAfter(keys: readonly ProviderKey[], known: readonly string[]): Set<string> {
  const published = new Set(idsOf(keys));
  return new Set(known.filter((id) => !published.has(id)).slice(-MAX_RETIRED));
}

function idsOf(keys: readonly ProviderKey[]): string[] {
  return keys.flatMap(({ id }) => id ?? []);
}

function noSuchKey() {
  return tokenInvalid('key', 'The token is signed with an unknown key');
}
