import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { actingRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { waitUntil } from '../database/wait-until.js';
import type { PauseNotice } from '../roles/pause-notice.js';
import type { WaitQuery } from './dto/wait.dto.js';
import { InboxRepository } from './inbox.repository.js';

/** Milliseconds between reads of the inbox. They find tasks that became due by their time, which sends no notification. */
const POLL_EVERY_MS = 1_000;
const COUNT_UP_TO = 100;

/** The result of a wait. */
export interface Waited {
  /** Number of due tasks, at most 100; 0 if the role is paused. */
  pending: number;
  /** The pause of the role; null if it is not paused. */
  pause: PauseNotice | null;
}

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
   * disconnects. No task is due while the role is paused.
   *
   * @param gone aborts when the client disconnects
   * @throws DomainError `auth.role_ambiguous` or `auth.role_not_held`
   */
  async wait(
    agent: Agent,
    { role, task_types, wait_seconds }: WaitQuery,
    gone: AbortSignal,
  ): Promise<Waited> {
    const acting = actingRole(agent, role);
    const deadline = performance.now() + this.environment.waitMs(wait_seconds);
    return waitUntil(
      {
        read: () => this.count(acting, task_types),
        isMet: ({ pending }) => pending > 0,
        subscribe: (wake) => this.workNotifier.subscribe(acting, wake),
        pollMs: () => POLL_EVERY_MS,
      },
      { deadline, gone, source: this.workNotifier },
    );
  }

  private count(role: string, types: readonly string[] | undefined): Promise<Waited> {
    return this.transactions.read((manager) => this.inbox.count(manager, role, types, COUNT_UP_TO));
  }
}
