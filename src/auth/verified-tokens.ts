import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Jwt } from 'jsonwebtoken';
import type { UsedKey } from './token-key.js';
import { VerificationKeys } from './verification-keys.js';

export const MOST_TOKENS = 10_000;

/**
 * Remembers of tokens that their signature fits, and nothing else. Every time, the provider's keys are asked for that of
 * the token, and what its claims say now is for the caller to look at: a key that is removed and a token that expires
 * lose their effect as if nothing were remembered.
 *
 * Tokens are known by their digest, so that none lies about in memory; ten thousand of them, of which the one that came
 * first is forgotten first. Only tokens with a good signature get in.
 */
@Injectable()
export class VerifiedTokens {
  private readonly tokens = new Map<string, Jwt & UsedKey>();

  constructor(private readonly keys: VerificationKeys) {}

  /**
   * What a token says that was verified before with the key that it would be verified with now.
   *
   * @throws DomainError `auth.token_invalid` or `auth.keys_unavailable`
   */
  async find(token: string): Promise<Jwt | undefined> {
    const known = this.tokens.get(digestOf(token));
    if (!known) return undefined;
    const { algorithm, keyId } = known.keyName;
    return (await this.keys.find(algorithm, keyId)) === known.key ? known : undefined;
  }

  add(token: string, verified: Jwt & UsedKey): void {
    const digest = digestOf(token);
    const isFull = this.tokens.size >= MOST_TOKENS && !this.tokens.has(digest);
    const [first] = isFull ? this.tokens.keys() : [];
    if (first !== undefined) this.tokens.delete(first);
    this.tokens.set(digest, verified);
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}
