import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { actingRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { Wakeup } from '../database/wakeup.js';
import type { WaitQuery } from './dto/wait.dto.js';
import { InboxRepository } from './inbox.repository.js';

/** Milliseconds between reads of the inbox. They find tasks that became due by their time, which sends no notification. */
const POLL_EVERY_MS = 1_000;
const COUNT_UP_TO = 100;

/** Waits for due tasks of a role (long polling). A waiting request has no database connection. */
@Injectable()
export class InboxWaitService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly workNotifier: WorkNotifierService,
    private readonly inbox: InboxRepository,
    private readonly environment: Environment,
  ) {}

  /**
   * Waits until tasks are due for the role of the caller, `wait_seconds` have passed, the process stops or the client
   * disconnects.
   *
   * @param gone aborts when the client disconnects
   * @returns the number of due tasks, at most 100; 0 if none became due
   * @throws DomainError `auth.role_ambiguous` or `auth.role_not_held`
   */
  async wait(
    agent: Agent,
    { role, task_types, wait_seconds }: WaitQuery,
    gone: AbortSignal,
  ): Promise<number> {
    const acting = actingRole(agent, role);
    const deadline = performance.now() + this.environment.waitMs(wait_seconds);
    const signal = new Wakeup();
    // Subscribes before the first read, so that no task between the two is missed.
    const unsubscribe = this.workNotifier.subscribe(acting, () => {
      signal.raise();
    });
    const stop = (): void => {
      signal.raise();
    };
    gone.addEventListener('abort', stop);
    try {
      for (;;) {
        const pending = await this.count(acting, task_types);
        const left = deadline - performance.now();
        if (pending > 0 || left <= 0 || gone.aborted || this.workNotifier.isStopping)
          return pending;
        await signal.raisedWithin(Math.min(POLL_EVERY_MS, left));
      }
    } finally {
      unsubscribe();
      gone.removeEventListener('abort', stop);
    }
  }

  private count(role: string, types: readonly string[] | undefined): Promise<number> {
    return this.transactions.read((manager) => this.inbox.count(manager, role, types, COUNT_UP_TO));
  }
}
