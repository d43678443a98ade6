import type { IncomingMessage } from 'node:http';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { DomainError } from '../errors/domain-error.js';
import { requestContext } from '../observability/request-context.js';
import type { Agent } from './agent.js';
import { bearerToken } from './bearer-token.js';
import { assertInTime } from './token-claims.js';
import { IS_PUBLIC } from './public.decorator.js';
import { tokenInvalid } from './token-errors.js';
import { VerifiedTokensService } from './verified-tokens.service.js';

/** Requires a valid bearer token, except on `@Public()` routes. Errors follow RFC 6750. */
@Injectable()
export class JwtGuard extends AuthGuard('jwt') {
  constructor(
    private readonly reflector: Reflector,
    private readonly verified: VerifiedTokensService,
  ) {
    super();
  }

  /** Skips passport for a token that was verified before. */
  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets)) return true;
    const request = context.switchToHttp().getRequest<IncomingMessage & { user: Agent }>();
    const known = this.verified.find(bearerToken(request));
    if (!known) return this.verify(context, request);
    assertInTime(known.payload, Date.now() / 1000);
    request.user = known.agent;
    noteSubject(known.agent);
    return true;
  }

  private async verify(context: ExecutionContext, request: { user: Agent }): Promise<boolean> {
    await super.canActivate(context);
    noteSubject(request.user);
    return true;
  }

  /** @param info the error of the key provider or of the verification, as passport-jwt passes it */
  override handleRequest<T>(error: unknown, user: T | false | null, info: unknown): T {
    if (user) return user;
    const reason = error ?? info;
    throw reason instanceof DomainError
      ? reason
      : tokenInvalid('The signature of the token is not valid', reason);
  }
}

function noteSubject({ subject }: Agent): void {
  const context = requestContext();
  if (context) context.subject = subject;
}
