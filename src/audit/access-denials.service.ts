import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { statusOf } from '../errors/error-codes.js';
import { WindowCounter } from '../limits/window-counter.js';
import { currentTraceId } from '../observability/request-context.js';
import { AuditService } from './audit.service.js';

/** What was asked, and by whom; a caller that is not known leaves no trace. */
export interface DeniedRequest {
  agent: Agent | undefined;
  method: string;
  path: string;
}

/** How long the same concealed denial is not recorded again, in milliseconds. */
const REPEAT_WINDOW_MS = 60_000;
/** How many of those may wait to be recorded. */
const MAX_PENDING = 100;

/**
 * Leaves a trace of every call that an agent was not entitled to make. The refusal does not depend on it.
 *
 * Where the answer conceals that a thing exists (404), it does not wait for the trace: the time it takes would tell.
 * Asking on and on leaves one trace a minute for each subject and thing, so that nobody can flood the trail with it.
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

  /** Records the call if the error says that the agent was not entitled to it. */
  async record(call: DeniedRequest, error: unknown): Promise<void> {
    if (!(error instanceof DomainError)) return;
    if (statusOf(error.code) === 403) await this.insert(call, error);
    else if (error.extras.hidesExistence) this.insertLater(call, error);
  }

  /** Lets what is being recorded be recorded. */
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
      this.logger.warn(
        `A denied call was not recorded: ${failure instanceof Error ? failure.message : 'unknown'}`,
      );
    }
  }
}
