import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { statusOf } from '../errors/error-codes.js';
import { messageOf } from '../errors/error-text.js';
import { currentTraceId } from '../observability/request-context.js';
import { AuditService } from './audit.service.js';
import { DenialWindows } from './denial-windows.js';

/** A denied request and its caller. Without an authenticated caller, nothing is recorded. */
export interface DeniedRequest {
  agent: Agent | undefined;
  method: string;
  path: string;
}

/** Period in which equal denials are recorded once, in milliseconds. */
const REPEAT_WINDOW_MS = 60_000;
const FLUSH_EVERY_MS = 5_000;
/** Maximum number of hidden denials that wait to be recorded. More are recorded at the next denial. */
const MAX_PENDING = 100;

/** A denial of an authenticated caller. */
interface Denial {
  readonly agent: Agent;
  readonly method: string;
  readonly path: string;
  readonly error: DomainError;
  readonly traceId: string;
}

/**
 * Records denied requests as `access_denied` events. If that fails, it logs the failure; the response stays the same.
 *
 * Equal denials, of one subject with the same method, path and code, are recorded once a minute, so that a client cannot
 * flood the audit log: the first one at once, and at the end of the minute one event with the number of the others.
 *
 * A 404 that hides a resource is sent without waiting for its event, because the delay would reveal the resource.
 */
@Injectable()
export class AccessDenialsService implements OnModuleDestroy {
  private readonly windows = new DenialWindows<Denial>(REPEAT_WINDOW_MS);
  private readonly pending = new Set<Promise<void>>();
  private readonly logger = new Logger(AccessDenialsService.name);
  private readonly timer: NodeJS.Timeout;
  private isStopping = false;

  constructor(
    private readonly transactions: TransactionsService,
    private readonly audit: AuditService,
  ) {
    this.timer = setInterval(() => {
      this.flush();
    }, FLUSH_EVERY_MS).unref();
  }

  /** Records the request if the error denies it: status 403, or a 404 that hides a resource. */
  async record({ agent, method, path }: DeniedRequest, error: unknown): Promise<void> {
    if (!(error instanceof DomainError) || !agent) return;
    const isHidden = error.extras.hidesExistence === true;
    if (statusOf(error.code) !== 403 && !isHidden) return;
    const denial = { agent, method, path, error, traceId: currentTraceId() };
    const key = `${agent.subject} ${method} ${path} ${error.code}`;
    this.flush();
    // While the process stops no window would end.
    if (!this.isStopping && !this.windows.add(key, denial)) return;
    if (isHidden && this.pending.size >= MAX_PENDING) {
      this.windows.forget(key);
      return;
    }
    const recorded = this.later(this.insert(denial, 0), () => {
      this.windows.forget(key);
    });
    if (!isHidden) await recorded;
  }

  /** Records the counts of all windows and waits until all events are recorded. */
  async onModuleDestroy(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.timer);
    this.flush(true);
    await Promise.all(this.pending);
  }

  private flush(isEverything = false): void {
    for (const { denial, repeats } of this.windows.takeEnded(isEverything))
      void this.later(this.insert(denial, repeats));
  }

  /** Waits for an insertion. Logs its failure. */
  private later(insertion: Promise<void>, undo?: () => void): Promise<void> {
    const recorded = insertion
      .catch((failure: unknown) => {
        undo?.();
        this.logger.warn(`Cannot record a denied request: ${messageOf(failure)}`);
      })
      .finally(() => this.pending.delete(recorded));
    this.pending.add(recorded);
    return recorded;
  }

  private async insert(
    { agent, method, path, error, traceId }: Denial,
    repeats: number,
  ): Promise<void> {
    const role = defaultActingRole(agent) ?? agent.roles[0] ?? 'none';
    await this.transactions.runInNewTransaction((manager) =>
      this.audit.record(manager, {
        event_type: 'access_denied',
        trace_id: traceId,
        by: { role, subject: agent.subject },
        metadata: {
          method,
          path: path.slice(0, 200),
          code: error.code,
          ...(error.extras.hidesExistence && { concealed: true }),
          ...(repeats > 0 && { repeated: repeats }),
        },
      }),
    );
  }
}
