import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Counter } from 'prom-client';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { MetricsService } from '../observability/metrics.service.js';
import { requestContext } from '../observability/request-context.js';
import type { Agent } from './agent.js';
import { AuthenticationService } from './authentication.service.js';
import type { Action } from './policy.js';
import { POLICY_KEY, type RoutePolicy } from './policy.decorator.js';
import { REFUSAL_REASONS, refusalReason } from './token-errors.js';

/** The action that AUDIT_LOG_PUBLIC opens. */
const OPENABLE: Action = 'audit.log';

type AgentRequest = IncomingMessage & { user?: Agent };

/**
 * Enforces `@Policy()` as far as it depends on no resource: requires a valid bearer token, except for public actions. The
 * token of a request with a body was verified before the body was read.
 */
@Injectable()
export class JwtGuard implements CanActivate {
  private readonly logger = new Logger('Authentication');
  private readonly refusals: Counter<'reason'>;

  constructor(
    private readonly reflector: Reflector,
    private readonly authentication: AuthenticationService,
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    this.refusals = new Counter({
      name: 'mesh_token_refusals_total',
      help: 'Requests refused because of their token, by reason.',
      labelNames: ['reason'],
      registers: [registry],
    });
    for (const reason of REFUSAL_REASONS) this.refusals.inc({ reason }, 0);
  }

  /** Logs and counts each refusal with its reason, which contains no part of the token. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
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
    if (error instanceof DomainError && error.code.startsWith('auth.')) {
      this.refusals.inc({ reason: refusalReason(error) });
      this.logger.warn({ event: 'token_refused', code: error.code, reason: error.detail });
    }
    throw error;
  }

  private authenticate(context: ExecutionContext): boolean | Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const policy = this.reflector.getAllAndOverride<RoutePolicy | undefined>(POLICY_KEY, targets);
    if (policy?.isPublic === true || this.isOpened(policy)) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<AgentRequest>();
    const accept = (agent: Agent): true => {
      request.user = agent;
      recordCaller(agent, policy);
      return true;
    };
    const caller =
      request.user ?? this.authentication.authenticate(request, http.getResponse<ServerResponse>());
    return caller instanceof Promise ? caller.then(accept) : accept(caller);
  }

  /** Whether an operator has opened the action to callers without a token. */
  private isOpened(policy: RoutePolicy | undefined): boolean {
    return this.environment.AUDIT_LOG_PUBLIC && policy?.actions.join() === OPENABLE;
  }
}

/** Stores the subject of the caller, and the actions of which its request must authorize one. */
function recordCaller({ subject }: Agent, policy: RoutePolicy | undefined): void {
  const context = requestContext();
  if (!context) return;
  context.subject = subject;
  if (policy?.requiredActions) context.requiredActions = policy.requiredActions;
}
