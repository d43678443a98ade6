import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request } from 'express';
import { catchError, from, mergeMap, type Observable, throwError } from 'rxjs';
import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { Transactions } from '../database/transactions.js';
import { DomainError } from '../errors/domain-error.js';
import { statusOf } from '../errors/error-codes.js';
import { currentTraceId } from '../observability/request-context.js';
import { AuditService } from './audit.service.js';

/** Leaves a trace of every call that an agent was not entitled to make. The refusal does not depend on it. */
@Injectable()
export class DenialsInterceptor implements NestInterceptor {
  private readonly logger = new Logger(DenialsInterceptor.name);

  constructor(
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        const refusal = throwError(() => error);
        if (!(error instanceof DomainError) || statusOf(error.code) !== 403) return refusal;
        const request = context.switchToHttp().getRequest<Request & { user?: Agent }>();
        return from(this.record(request, error)).pipe(mergeMap(() => refusal));
      }),
    );
  }

  private async record(
    { user, method, path }: Request & { user?: Agent },
    { code }: DomainError,
  ): Promise<void> {
    if (!user) return;
    const by = { role: defaultActingRole(user) ?? user.roles[0] ?? 'none', subject: user.subject };
    try {
      await this.transactions.runAlone((manager) =>
        this.audit.record(manager, {
          event_type: 'access_denied',
          trace_id: currentTraceId(),
          by,
          metadata: { method, path: path.slice(0, 200), code },
        }),
      );
    } catch (error) {
      this.logger.warn(
        `A denied call was not recorded: ${error instanceof Error ? error.message : 'unknown'}`,
      );
    }
  }
}
