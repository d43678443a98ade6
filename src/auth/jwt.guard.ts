import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { DomainError } from '../errors/domain-error.js';
import { requestContext } from '../observability/request-context.js';
import type { Agent } from './agent.js';
import { IS_PUBLIC } from './public.decorator.js';
import { tokenInvalid } from './token-errors.js';

/** Lets a request pass with a good bearer token only, unless its route is `@Public()`; answers as RFC 6750 says. */
@Injectable()
export class JwtGuard extends AuthGuard('jwt') {
  constructor(private readonly reflector: Reflector) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(IS_PUBLIC, targets)) return true;
    await super.canActivate(context);
    const { user } = context.switchToHttp().getRequest<{ user: Agent }>();
    const current = requestContext();
    if (current !== undefined) current.subject = user.subject;
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
