import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { JwtPayload } from 'jsonwebtoken';
import type { Agent } from './agent.js';
import type { UsedKey } from './token-key.js';
import { VerificationKeys } from './verification-keys.js';

export const MAX_TOKENS = 10_000;
/** Most characters of all cached tokens together. The memory of an entry is proportional to its token. */
export const MAX_TOKEN_CHARACTERS = 16 * 2 ** 20;

/** A token with a verified signature and valid claims. */
export interface VerifiedToken extends UsedKey {
  /** The claims that are checked at each use: `exp`, `iat` and `nbf`. No other claim stays in memory. */
  readonly payload: JwtPayload;
  readonly agent: Agent;
}

interface Entry extends VerifiedToken {
  readonly characters: number;
}

/** Runs at the first use of a token. Must not reject. After `forget` it runs again at the next use. */
type FirstUse = (agent: Agent, forget: () => void) => Promise<void>;

/**
 * A cache of verified tokens. Each lookup compares the signing key with the current key set, and the caller of the lookup
 * checks the times of the token, so that a removed key or an expired token is refused as without the cache.
 *
 * The key of an entry is the digest of the token, so that no token stays in memory. At most 10,000 entries, of tokens with
 * 16 Mi characters together; the oldest is evicted first. Only tokens with a valid signature are added.
 */
@Injectable()
export class VerifiedTokensService {
  private readonly tokens = new Map<string, Entry>();
  private characters = 0;
  private firstUse?: FirstUse;

  constructor(private readonly keys: VerificationKeys) {}

  /** Returns a token that was verified with its current signing key; undefined if it must be verified. */
  find(token: string): VerifiedToken | undefined {
    const found = this.tokens.get(tokenDigest(token));
    if (!found) return undefined;
    const { algorithm, keyId, issuer } = found.keyName;
    return this.keys.known(algorithm, keyId, issuer) === found.key ? found : undefined;
  }

  /** Registers a function that is awaited before the first request of each token. */
  atFirstUse(firstUse: FirstUse): void {
    this.firstUse = firstUse;
  }

  async add(token: string, verified: VerifiedToken): Promise<void> {
    const digest = tokenDigest(token);
    this.characters += token.length - (this.tokens.get(digest)?.characters ?? 0);
    this.tokens.set(digest, { ...verified, characters: token.length });
    for (const oldest of this.tokens.keys()) {
      if (this.tokens.size <= MAX_TOKENS && this.characters <= MAX_TOKEN_CHARACTERS) break;
      if (oldest !== digest) this.delete(oldest);
    }
    await this.firstUse?.(verified.agent, () => {
      this.delete(digest);
    });
  }

  private delete(digest: string): void {
    this.characters -= this.tokens.get(digest)?.characters ?? 0;
    this.tokens.delete(digest);
  }
}

function tokenDigest(token: string): string {
  return hash('sha256', token, 'base64');
}
