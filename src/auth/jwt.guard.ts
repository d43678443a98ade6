import type { IncomingMessage } from 'node:http';
import { type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { requestContext } from '../observability/request-context.js';
import type { Agent } from './agent.js';
import { bearerToken, maxTokenBytes } from './bearer-token.js';
import { assertInTime } from './token-claims.js';
import { POLICY_KEY, type RoutePolicy } from './policy.decorator.js';
import { tokenInvalid } from './token-errors.js';
import { VerifiedTokensService } from './verified-tokens.service.js';

/**
 * Enforces `@Policy()` as far as it depends on no resource: requires a valid bearer token, except for public actions. Errors
 * follow RFC 6750.
 */
@Injectable()
export class JwtGuard extends AuthGuard('jwt') {
  private readonly logger = new Logger('Authentication');

  constructor(
    private readonly reflector: Reflector,
    private readonly verified: VerifiedTokensService,
    private readonly environment: Environment,
  ) {
    super();
  }

  /** Logs the reason of each refusal, which contains no part of the token. */
  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    try {
      const allowed = this.authenticate(context);
      return typeof allowed === 'boolean'
        ? allowed
        : allowed.catch((error: unknown) => this.refuse(error));
    } catch (error) {
      return this.refuse(error);
    }
  }

  private refuse(error: unknown): never {
    if (error instanceof DomainError && error.code.startsWith('auth.'))
      this.logger.warn({ event: 'token_refused', code: error.code, reason: error.detail });
    throw error;
  }

  /** Skips passport for a token that was verified before. */
  private authenticate(context: ExecutionContext): boolean | Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const policy = this.reflector.getAllAndOverride<RoutePolicy | undefined>(POLICY_KEY, targets);
    if (policy?.isPublic === true) return true;
    const request = context.switchToHttp().getRequest<IncomingMessage & { user: Agent }>();
    const known = this.verified.find(bearerToken(request, maxTokenBytes(this.environment)));
    if (!known) return this.verify(context, request, policy);
    assertInTime(known.payload, Date.now() / 1000);
    request.user = known.agent;
    recordCaller(known.agent, policy);
    return true;
  }

  private async verify(
    context: ExecutionContext,
    request: { user: Agent },
    policy: RoutePolicy | undefined,
  ): Promise<boolean> {
    await super.canActivate(context);
    recordCaller(request.user, policy);
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

/** Stores the subject of the caller, and the actions of which its request must authorize one. */
function recordCaller({ subject }: Agent, policy: RoutePolicy | undefined): void {
  const context = requestContext();
  if (!context) return;
  context.subject = subject;
  if (policy?.requiredActions) context.requiredActions = policy.requiredActions;
}
