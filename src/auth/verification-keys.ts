import { createSecretKey, type KeyObject } from 'node:crypto';
import type { KeysProblem } from './keys-problem.js';

/** The supported signature algorithms (RFC 7518 section 3.1). */
export type TokenAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'HS256';

/**
 * State of the signing keys.
 *
 * - `local`: a shared secret; tokens can always be verified
 * - `available`: the keys of the identity provider are cached and valid
 * - `expired`: the provider has been unreachable for longer than the cached keys are valid
 * - `never_read`: the keys have not been read yet
 */
export type KeysState = 'local' | 'available' | 'expired' | 'never_read';

/** Source of the keys that tokens are verified with. */
export abstract class VerificationKeys {
  /** The accepted algorithms. */
  abstract readonly algorithms: readonly TokenAlgorithm[];

  /**
   * Returns the key for the algorithm, the `kid` and the unverified `iss` of a token.
   *
   * @throws DomainError `auth.token_invalid` if there is none; `auth.keys_unavailable` if that cannot be decided now
   */
  abstract find(
    algorithm: TokenAlgorithm,
    keyId: string | undefined,
    issuer?: string,
  ): Promise<KeyObject>;

  /** Returns the same key if it is cached, without waiting. */
  abstract known(
    algorithm: TokenAlgorithm,
    keyId: string | undefined,
    issuer?: string,
  ): KeyObject | undefined;

  /** Whether tokens can be verified now. */
  abstract readonly state: KeysState;

  /** Why the latest read of the keys failed; undefined if it succeeded. */
  abstract readonly problem: KeysProblem | undefined;

  /** Reads the keys if they are missing. Never rejects. */
  abstract prepare(): Promise<void>;
}

/** A secret that is shared with the issuer of the tokens, for development. */
export class SharedSecret extends VerificationKeys {
  readonly algorithms = ['HS256'] as const;
  readonly state = 'local';
  readonly problem = undefined;
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
