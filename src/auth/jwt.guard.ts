import type { IncomingMessage } from 'node:http';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { requestContext } from '../observability/request-context.js';
import type { Agent } from './agent.js';
import { bearerToken } from './bearer-token.js';
import { agentOf } from './jwt.strategy.js';
import { IS_PUBLIC } from './public.decorator.js';
import { tokenInvalid } from './token-errors.js';
import { VerifiedTokens } from './verified-tokens.js';

/** Lets a request pass with a good bearer token only, unless its route is `@Public()`; answers as RFC 6750 says. */
@Injectable()
export class JwtGuard extends AuthGuard('jwt') {
  constructor(
    private readonly reflector: Reflector,
    private readonly verified: VerifiedTokens,
    private readonly environment: Environment,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets)) return true;
    const request = context.switchToHttp().getRequest<IncomingMessage & { user: Agent }>();
    const known = await this.verified.find(bearerToken(request));
    if (known) request.user = agentOf(known, this.environment);
    else await super.canActivate(context);
    const current = requestContext();
    if (current !== undefined) current.subject = request.user.subject;
    return true;
  }

  /** `info` is where passport-jwt leaves what the key provider and the verification threw. */
  override handleRequest<T>(error: unknown, user: T | false | null, info: unknown): T {
    if (user) return user;
    const reason = error ?? info;
    throw reason instanceof DomainError
      ? reason
      : tokenInvalid('The signature of the token is not valid', reason);
  }
}
