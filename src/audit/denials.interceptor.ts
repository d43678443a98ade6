import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  Logger,
  type NestInterceptor,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { Request } from 'express';
import { catchError, from, mergeMap, type Observable, throwError } from 'rxjs';
import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { Transactions } from '../database/transactions.js';
import { DomainError } from '../errors/domain-error.js';
import { statusOf } from '../errors/error-codes.js';
import { WindowCounter } from '../limits/window-counter.js';
import { currentTraceId } from '../observability/request-context.js';
import { AuditService } from './audit.service.js';

type AgentRequest = Request & { user?: Agent };

/** How long the same concealed denial is not recorded again, in milliseconds. */
const ONCE_PER_MS = 60_000;
/** How many of those may wait to be recorded. */
const MAX_PENDING = 100;

/**
 * Leaves a trace of every call that an agent was not entitled to make. The refusal does not depend on it.
 *
 * Where the answer conceals that a thing exists (404), it does not wait for the trace: the time it takes would tell.
 * Asking on and on leaves one trace a minute for each subject and thing, so that nobody can flood the trail with it.
 */
@Injectable()
export class DenialsInterceptor implements NestInterceptor, OnModuleDestroy {
  private readonly repeated = new WindowCounter(ONCE_PER_MS);
  private readonly pending = new Set<Promise<void>>();
  private readonly logger = new Logger(DenialsInterceptor.name);

  constructor(
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        const refusal = throwError(() => error);
        if (!(error instanceof DomainError)) return refusal;
        const request = context.switchToHttp().getRequest<AgentRequest>();
        if (statusOf(error.code) === 403)
          return from(this.record(request, error)).pipe(mergeMap(() => refusal));
        if (error.extras.conceals) this.recordLater(request, error);
        return refusal;
      }),
    );
  }

  /** Lets what is being recorded be recorded. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.pending);
  }

  private recordLater(request: AgentRequest, error: DomainError): void {
    const { user, method, path } = request;
    const same = `${user?.subject ?? ''} ${method} ${path}`;
    if (this.repeated.hit(same, 1).count > 1 || this.pending.size >= MAX_PENDING) return;
    const recorded = this.record(request, error).finally(() => this.pending.delete(recorded));
    this.pending.add(recorded);
  }

  private async record(
    { user, method, path }: AgentRequest,
    { code, extras: { conceals } }: DomainError,
  ): Promise<void> {
    if (!user) return;
    const by = { role: defaultActingRole(user) ?? user.roles[0] ?? 'none', subject: user.subject };
    try {
      await this.transactions.runAlone((manager) =>
        this.audit.record(manager, {
          event_type: 'access_denied',
          trace_id: currentTraceId(),
          by,
          metadata: {
            method,
            path: path.slice(0, 200),
            code,
            ...(conceals && { concealed: true }),
          },
        }),
      );
    } catch (error) {
      this.logger.warn(
        `A denied call was not recorded: ${error instanceof Error ? error.message : 'unknown'}`,
      );
    }
  }
}
