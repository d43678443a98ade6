import { Injectable, type OnModuleInit } from '@nestjs/common';
import { toClaimApprovalDto } from '../approvals/dto/approval-context.dto.js';
import type { Agent } from '../auth/agent.js';
import { isRecord } from '../common/is-record.js';
import { TransactionsService } from '../database/transactions.service.js';
import { ReplayRulesService } from '../idempotency/replay-rules.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { SessionsReaderService } from '../sessions/sessions-reader.service.js';
import { CLAIM_LIMITS } from './dto/claim-limits.dto.js';
import type { ClaimedTaskDto } from './dto/claim.dto.js';
import { type TaskDto, toTaskDto } from './dto/task.dto.js';
import { TaskListsRepository } from './task-lists.repository.js';
import { TasksRepository } from './tasks.repository.js';

/**
 * Replays claims, cancellations and retries with the present state of the task. After the first response the lease can be
 * lost, a cancelled task retried, or a retried task claimed.
 */
@Injectable()
export class TaskReplaysService implements OnModuleInit {
  constructor(
    private readonly rules: ReplayRulesService,
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly sessions: SessionsReaderService,
    private readonly tasks: TasksRepository,
    private readonly lists: TaskListsRepository,
  ) {}

  onModuleInit(): void {
    this.rules.add({
      method: 'POST',
      path: /^\/tasks\/([^/]+\/)?claim\/?$/i,
      present: (agent, first) => this.claim(agent, first),
      equivalents: withAnyLease,
      isAlwaysMarked: true,
    });
    this.rules.add({
      method: 'POST',
      path: /^\/tasks\/[^/]+\/(cancel|retry)\/?$/i,
      present: (agent, task) => this.task(agent, idOf(task)),
    });
  }

  /** Returns the present state of a task, without its attempts. */
  private task(agent: Agent, id: string): Promise<TaskDto> {
    return this.transactions.read(async (manager) => {
      await this.taskStates.getReadable(manager, agent, id);
      return toTaskDto(await this.lists.get(manager, id));
    });
  }

  private async claim(agent: Agent, { task, session }: Record<string, unknown>): Promise<object> {
    const [{ approvals, ...taskNow }, sessionNow] = await Promise.all([
      this.claimedTask(agent, idOf(task)),
      this.sessions.get(agent, { kind: 'session', id: idOf(session) }),
    ]);
    return { task: taskNow, session: sessionNow, limits: CLAIM_LIMITS, approvals };
  }

  /** Returns the present state of a task with its latest approvals, as in the response to a claim. */
  private claimedTask(
    agent: Agent,
    id: string,
  ): Promise<TaskDto & Pick<ClaimedTaskDto, 'approvals'>> {
    return this.transactions.read(async (manager) => {
      await this.taskStates.getReadable(manager, agent, id);
      const [task, approvals] = await Promise.all([
        this.lists.get(manager, id),
        this.tasks.listClaimApprovals(manager, id),
      ]);
      return { ...toTaskDto(task), approvals: approvals.map(toClaimApprovalDto) };
    });
  }
}

/**
 * The claims that differ only in `lease_seconds`: a worker that restarts with another length must learn of the task that it
 * holds. The first request had the length of its session, or none.
 */
function withAnyLease(
  body: Record<string, unknown>,
  { session }: Record<string, unknown>,
): (Record<string, unknown> | null)[] {
  const members = Object.entries(body).filter(([name]) => name !== 'lease_seconds');
  const claim = Object.fromEntries(members);
  const first = isRecord(session) ? session['lease_seconds'] : null;
  return [
    claim,
    { ...claim, lease_seconds: null },
    { ...claim, lease_seconds: first },
    // A claim can have no body.
    ...(members.length === 0 ? [null] : []),
  ];
}

function idOf(value: unknown): string {
  return isRecord(value) && typeof value['id'] === 'string' ? value['id'] : '';
}
