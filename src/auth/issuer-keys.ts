import type { KeyObject } from 'node:crypto';
import type { KeysProblem } from './keys-problem.js';
import { tokenInvalid } from './token-errors.js';
import { type KeysState, type TokenAlgorithm, VerificationKeys } from './verification-keys.js';

/**
 * The signing keys of several issuers. A token is verified only with the keys of the issuer that it names, so that no
 * issuer can sign a token of another one, also with an equal `kid`.
 */
export class IssuerKeys extends VerificationKeys {
  readonly algorithms: readonly TokenAlgorithm[];

  /** @param sources the keys by the exact `iss` */
  constructor(private readonly sources: ReadonlyMap<string, VerificationKeys>) {
    super();
    this.algorithms = [...new Set([...sources.values()].flatMap(({ algorithms }) => algorithms))];
  }

  override async find(
    algorithm: TokenAlgorithm,
    keyId: string | undefined,
    issuer: string | undefined,
  ): Promise<KeyObject> {
    const source = this.sources.get(issuer ?? '');
    if (source === undefined) throw tokenInvalid('issuer', 'The token is from another issuer');
    return source.find(algorithm, keyId, issuer);
  }

  override known(
    algorithm: TokenAlgorithm,
    keyId: string | undefined,
    issuer: string | undefined,
  ): KeyObject | undefined {
    return this.sources.get(issuer ?? '')?.known(algorithm, keyId, issuer);
  }

  /** `never_read` only if that is true of all issuers: tokens of the others can be verified. */
  override get state(): KeysState {
    const states = [...this.sources.values()].map(({ state }) => state);
    if (states.every((state) => state === 'available')) return 'available';
    return states.every((state) => state === 'never_read') ? 'never_read' : 'expired';
  }

  /** That of the first issuer whose keys could not be read. */
  override get problem(): KeysProblem | undefined {
    return [...this.sources.values()].map(({ problem }) => problem).find(Boolean);
  }

  override async prepare(): Promise<void> {
    await Promise.all([...this.sources.values()].map((source) => source.prepare()));
  }
}
