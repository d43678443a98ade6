import type { KeyObject } from 'node:crypto';
import { Allowance } from './allowance.js';
import type { ProviderKey } from './jwk.js';
import { keysUnavailable, tokenInvalid } from './token-errors.js';
import { type TokenAlgorithm, VerificationKeys } from './verification-keys.js';

const MINUTE_MS = 60_000;
const FRESH_MS = 10 * MINUTE_MS;
const USABLE_MS = 60 * MINUTE_MS;
const BACK_OFF_MS = 1000;
const REFRESH_BURST = 2;
const REFRESH_INTERVAL_MS = 30_000;

/**
 * The identity provider's public keys (RFC 7517), kept whole.
 *
 * - A token with an unknown `kid` makes the set be read again, and waits for it; one with a known `kid` never waits.
 * - A set older than 10 minutes is read again in the background, so that a key removed loses its effect.
 * - While the provider is down, the last set serves for an hour; after that, and before the first one, nobody's token
 *   can be checked, and reading is tried at most once per second.
 *
 * Whoever asks at the same time shares one reading. Random `kid`s cost at most two readings at once and one per 30
 * seconds: two, so that one stray token does not keep a rotated key out. During a flood a new key is known after 30
 * seconds at most, for each reading brings the whole set.
 */
export class KeySet extends VerificationKeys {
  readonly algorithms = ['RS256', 'PS256', 'ES256'] as const;

  private keys: readonly ProviderKey[] = [];
  private loadedAt = -Infinity;
  private reading?: Promise<void>;
  private failure?: { readonly at: number; readonly cause: unknown };
  private readonly refreshes: Allowance;

  /** `read` brings the whole set; `now` is a clock in milliseconds that never goes back. */
  constructor(
    private readonly read: () => Promise<readonly ProviderKey[]>,
    private readonly now: () => number = () => performance.now(),
  ) {
    super();
    this.refreshes = new Allowance(REFRESH_BURST, REFRESH_INTERVAL_MS, now);
  }

  override async find(algorithm: TokenAlgorithm, keyId: string | undefined): Promise<KeyObject> {
    if (!this.isUsable()) await this.loadUsable();
    const known = this.pick(algorithm, keyId);
    if (known !== undefined) return known;
    if (keyId === undefined || this.keys.some(({ id }) => id === keyId)) throw noSuchKey();
    await this.refresh();
    const added = this.pick(algorithm, keyId);
    if (added !== undefined) return added;
    throw this.failure === undefined ? noSuchKey() : keysUnavailable(this.failure.cause);
  }

  override known(algorithm: TokenAlgorithm, keyId: string | undefined): KeyObject | undefined {
    return this.isUsable() ? this.pick(algorithm, keyId) : undefined;
  }

  /** A token without `kid` needs no guessing only when a single key fits. */
  private pick(algorithm: TokenAlgorithm, keyId: string | undefined): KeyObject | undefined {
    const fitting = this.keys.filter(
      ({ id, algorithms }) => (keyId ?? id) === id && algorithms.includes(algorithm),
    );
    return keyId !== undefined || fitting.length === 1 ? fitting[0]?.key : undefined;
  }

  /** Whether the set may be used as it is; one that is no longer fresh is read again meanwhile. */
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
    if (this.reading === undefined) this.refreshes.spend();
    await this.readOnce();
  }

  private async refresh(): Promise<void> {
    if (this.reading === undefined && !this.refreshes.spend()) return;
    await this.readOnce();
  }

  private readOnce(): Promise<void> {
    this.reading ??= this.replaceKeys().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  /** Never rejects: what is left of a failure is that the old keys stay. */
  private async replaceKeys(): Promise<void> {
    try {
      this.keys = await this.read();
      this.loadedAt = this.now();
      this.failure = undefined;
    } catch (cause) {
      this.failure = { at: this.now(), cause };
    }
  }
}

function noSuchKey() {
  return tokenInvalid('The token is signed with a key that is not known');
}
