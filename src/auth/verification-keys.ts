import { createSecretKey, type KeyObject } from 'node:crypto';

/** The algorithms a token may be signed with (RFC 7518 section 3.1). */
export type TokenAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'HS256';

/**
 * Whether tokens can be verified: with a `local` secret always; with the keys of an identity provider while they are
 * `available`, not once the provider has been away for so long that the last set is `expired`, and not before they were
 * read for the first time.
 */
export type KeysState = 'local' | 'available' | 'expired' | 'never_read';

/** Where the keys come from that tokens are verified with. */
export abstract class VerificationKeys {
  /** The only algorithms that are accepted with these keys. */
  abstract readonly algorithms: readonly TokenAlgorithm[];

  /**
   * The key for a token's algorithm and `kid`.
   * Throws `auth.token_invalid` when there is none, `auth.keys_unavailable` when nobody can tell.
   */
  abstract find(algorithm: TokenAlgorithm, keyId: string | undefined): Promise<KeyObject>;

  /** The same key, if it can be told without waiting. */
  abstract known(algorithm: TokenAlgorithm, keyId: string | undefined): KeyObject | undefined;

  /** Whether tokens can be verified now. */
  abstract readonly state: KeysState;

  /** Tries to read keys that are missing; never rejects. */
  abstract prepare(): Promise<void>;
}

/** One secret shared with whoever makes the tokens: for development. */
export class SharedSecret extends VerificationKeys {
  readonly algorithms = ['HS256'] as const;
  readonly state = 'local';
  private readonly key: KeyObject;

  constructor(secret: string) {
    super();
    this.key = createSecretKey(secret, 'utf8');
  }

  find(): Promise<KeyObject> {
    return Promise.resolve(this.key);
  }

  known(): KeyObject {
    return this.key;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }
}
