import { Injectable, Logger } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { Transactions } from '../database/transactions.js';
import { DomainError } from '../errors/domain-error.js';
import { statusOf } from '../errors/error-codes.js';
import { currentTraceId } from '../observability/request-context.js';
import { AuditService } from './audit.service.js';

/** Leaves a trace of every call that an agent was not entitled to make. */
@Injectable()
export class Denials {
  private readonly logger = new Logger(Denials.name);

  constructor(
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
  ) {}

  /** Records the call if the error says that the agent was not entitled to it. The refusal does not depend on it. */
  async record(
    agent: Agent | undefined,
    { method, path }: { method: string; path: string },
    error: unknown,
  ): Promise<void> {
    if (!agent || !(error instanceof DomainError) || statusOf(error.code) !== 403) return;
    const role = defaultActingRole(agent) ?? agent.roles[0] ?? 'none';
    try {
      await this.transactions.runAlone((manager) =>
        this.audit.record(manager, {
          event_type: 'access_denied',
          trace_id: currentTraceId(),
          by: { role, subject: agent.subject },
          metadata: { method, path: path.slice(0, 200), code: error.code },
        }),
      );
    } catch (failure) {
      this.logger.warn(
        `A denied call was not recorded: ${failure instanceof Error ? failure.message : 'unknown'}`,
      );
    }
  }
}
