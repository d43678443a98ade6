import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import passport from 'passport';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import type { Agent } from './agent.js';
import { bearerToken, maxTokenBytes } from './bearer-token.js';
import { assertInTime } from './token-claims.js';
import { tokenInvalid } from './token-errors.js';
import { VerifiedTokensService } from './verified-tokens.service.js';

type Verify = (request: IncomingMessage, response: ServerResponse, next: Next) => void;
type Next = (error: unknown) => void;
type Done = (error: unknown, agent?: Agent | false | null, info?: unknown) => void;

const authenticateWith: (strategy: string, options: object, done: Done) => Verify =
  passport.authenticate.bind(passport);

/** Authenticates requests by their bearer token. */
@Injectable()
export class AuthenticationService {
  constructor(
    private readonly verified: VerifiedTokensService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns the caller of a request: at once if its token was verified before, otherwise after the verification. Throws,
   * or rejects with, an error of RFC 6750.
   */
  authenticate(request: IncomingMessage, response: ServerResponse): Agent | Promise<Agent> {
    const known = this.verified.find(bearerToken(request, maxTokenBytes(this.environment)));
    if (!known) return verify(request, response);
    assertInTime(known.payload, Date.now() / 1000);
    return known.agent;
  }

  /** Returns the caller if its token was verified before; undefined without a token, or with another one. */
  knownCaller(request: IncomingMessage): Agent | undefined {
    try {
      const known = this.verified.find(bearerToken(request, maxTokenBytes(this.environment)));
      if (known) assertInTime(known.payload, Date.now() / 1000);
      return known?.agent;
    } catch (error) {
      if (error instanceof DomainError) return undefined;
      throw error;
    }
  }
}

function verify(request: IncomingMessage, response: ServerResponse): Promise<Agent> {
  return new Promise((resolve, reject) => {
    const done: Done = (error, agent, info) => {
      if (agent) resolve(agent);
      else reject(refusalOf(error ?? info));
    };
    authenticateWith('jwt', { session: false }, done)(request, response, reject);
  });
}

/** @param reason the error of the key provider or of the verification, as passport-jwt passes it */
function refusalOf(reason: unknown): DomainError {
  return reason instanceof DomainError
    ? reason
    : tokenInvalid('signature', 'The signature of the token is not valid', reason);
}
