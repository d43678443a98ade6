import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { JwtPayload } from 'jsonwebtoken';
import type { Agent } from './agent.js';
import type { UsedKey } from './token-key.js';
import { VerificationKeys } from './verification-keys.js';

export const MOST_TOKENS = 10_000;

/** A token whose signature fits and whose claims are those of an agent. */
export interface VerifiedToken extends UsedKey {
  readonly payload: JwtPayload;
  readonly agent: Agent;
}

/** What is done at the first use of a token; must not reject. `forget` has it done again at the next use. */
type FirstUse = (agent: Agent, forget: () => void) => Promise<void>;

/**
 * Remembers tokens that were verified. Every time, the provider's keys are asked for that of the token, and its times are
 * for the caller to look at: a key that is removed and a token that expires lose their effect as if nothing were
 * remembered.
 *
 * Tokens are known by their digest, so that none lies about in memory; ten thousand of them, of which the one that came
 * first is forgotten first. Only tokens with a good signature get in.
 */
@Injectable()
export class VerifiedTokens {
  private readonly tokens = new Map<string, VerifiedToken>();
  private firstUse?: FirstUse;

  constructor(private readonly keys: VerificationKeys) {}

  /** A token that was verified with the key that it would be verified with now; undefined: it has to be verified. */
  find(token: string): VerifiedToken | undefined {
    const found = this.tokens.get(digestOf(token));
    if (!found) return undefined;
    const { algorithm, keyId } = found.keyName;
    return this.keys.known(algorithm, keyId) === found.key ? found : undefined;
  }

  /** Registers what is done with each token that was not remembered, before its request goes on. */
  atFirstUse(firstUse: FirstUse): void {
    this.firstUse = firstUse;
  }

  async add(token: string, verified: VerifiedToken): Promise<void> {
    const digest = digestOf(token);
    const isFull = this.tokens.size >= MOST_TOKENS && !this.tokens.has(digest);
    const [first] = isFull ? this.tokens.keys() : [];
    if (first !== undefined) this.tokens.delete(first);
    this.tokens.set(digest, verified);
    await this.firstUse?.(verified.agent, () => this.tokens.delete(digest));
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}
