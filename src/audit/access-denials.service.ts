import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { statusOf } from '../errors/error-codes.js';
import { messageOf } from '../errors/error-text.js';
import { WindowCounter } from '../limits/window-counter.js';
import { currentTraceId } from '../observability/request-context.js';
import { AuditService } from './audit.service.js';

/** A denied request and its caller. Without an authenticated caller, nothing is recorded. */
export interface DeniedRequest {
  agent: Agent | undefined;
  method: string;
  path: string;
}

/** Period in which repetitions of a hidden denial are recorded once, in milliseconds. */
const REPEAT_WINDOW_MS = 60_000;
/** Maximum number of hidden denials that wait to be recorded. More are dropped. */
const MAX_PENDING = 100;

/**
 * Records denied requests as `access_denied` events. If that fails, it logs the failure; the response stays the same.
 *
 * A 404 that hides a resource is sent without waiting for its event, because the delay would reveal the resource. It is
 * recorded once a minute for each subject, method and path, so that a client cannot flood the audit log.
 */
@Injectable()
export class AccessDenialsService implements OnModuleDestroy {
  private readonly repeated = new WindowCounter(REPEAT_WINDOW_MS);
  private readonly pending = new Set<Promise<void>>();
  private readonly logger = new Logger(AccessDenialsService.name);

  constructor(
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
  ) {}

  /** Records the request if the error denies it: status 403, or a 404 that hides a resource. */
  async record(call: DeniedRequest, error: unknown): Promise<void> {
    if (!(error instanceof DomainError)) return;
    if (statusOf(error.code) === 403) await this.insert(call, error);
    else if (error.extras.hidesExistence) this.insertLater(call, error);
  }

  /** Waits until all pending events are recorded. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.pending);
  }

  private insertLater(call: DeniedRequest, error: DomainError): void {
    const { agent, method, path } = call;
    const same = `${agent?.subject ?? ''} ${method} ${path}`;
    if (this.repeated.hit(same, 1).count > 1 || this.pending.size >= MAX_PENDING) return;
    const recorded = this.insert(call, error).finally(() => this.pending.delete(recorded));
    this.pending.add(recorded);
  }

  private async insert(
    { agent, method, path }: DeniedRequest,
    { code, extras: { hidesExistence } }: DomainError,
  ): Promise<void> {
    if (!agent) return;
    const role = defaultActingRole(agent) ?? agent.roles[0] ?? 'none';
    try {
      await this.transactions.runInNewTransaction((manager) =>
        this.audit.record(manager, {
          event_type: 'access_denied',
          trace_id: currentTraceId(),
          by: { role, subject: agent.subject },
          metadata: {
            method,
            path: path.slice(0, 200),
            code,
            ...(hidesExistence && { concealed: true }),
          },
        }),
      );
    } catch (failure) {
      this.logger.warn(`Cannot record a denied request: ${messageOf(failure)}`);
    }
  }
}
