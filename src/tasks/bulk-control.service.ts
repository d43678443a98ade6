import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { inSavepoint } from '../database/savepoint.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import type { TaskStatus } from '../lifecycle/task-status.js';
import {
  type BulkResultDto,
  CANCELLABLE,
  type CancelTasksDto,
  MAX_COUNTED,
  RETRYABLE,
  type RetryTasksDto,
} from './dto/bulk-control.dto.js';
import { type TaskChange, TaskChangesService } from './task-changes.service.js';
import {
  type SelectedTask,
  type TaskSelection,
  TaskSelectionsRepository,
} from './task-selections.repository.js';

type ChangeTask = (manager: EntityManager, change: TaskChange) => Promise<unknown>;

/** Cancels and retries the tasks that a filter selects, for the requester role and for admins. */
@Injectable()
export class BulkControlService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly selections: TaskSelectionsRepository,
    private readonly changes: TaskChangesService,
  ) {}

  /**
   * Cancels the open tasks of a filter, without their subtasks.
   *
   * @throws InvalidInputError if the filter has no member
   */
  cancel(agent: Agent, dto: CancelTasksDto): Promise<BulkResultDto> {
    return this.change(agent, dto, CANCELLABLE, (...change) => this.changes.cancel(...change));
  }

  /**
   * Opens a new attempt of each task of a filter that failed, expired, became dead or was cancelled.
   *
   * @throws InvalidInputError if the filter has no member
   */
  retry(agent: Agent, dto: RetryTasksDto): Promise<BulkResultDto> {
    return this.change(agent, dto, RETRYABLE, (...change) => this.changes.retry(...change));
  }

  /** Changes the selected tasks in one transaction. A task whose change is refused stays as it is. */
  private async change(
    agent: Agent,
    dto: CancelTasksDto | RetryTasksDto,
    statuses: readonly TaskStatus[],
    change: ChangeTask,
  ): Promise<BulkResultDto> {
    const { dry_run, limit, reason } = dto;
    const selection = toSelection(agent, dto, statuses);
    return this.transactions.run(async (manager) => {
      const matching = await this.selections.list(manager, selection, MAX_COUNTED + 1);
      const tasks = matching.slice(0, limit);
      const result: BulkResultDto = {
        dry_run,
        total: Math.min(matching.length, MAX_COUNTED),
        total_is_exact: matching.length <= MAX_COUNTED,
        tasks,
        changed: [],
        refused: [],
      };
      if (dry_run || tasks.length === 0) return result;
      const ids = tasks.map(({ id }) => id);
      await this.selections.lockAttempts(manager, ids);
      for (const task of tasks) {
        const { id } = task;
        const refusal = await refusalOf(() =>
          inSavepoint(manager, () => change(manager, { id, by: actorFor(agent, task), reason })),
        );
        if (refusal) result.refused.push({ id, code: refusal.code, detail: refusal.detail });
        else result.changed.push(id);
      }
      return result;
    });
  }
}

/** Returns the tasks of the filter that the caller may control: those that its roles requested; for an admin, all. */
function toSelection(
  agent: Agent,
  { status, from_role, to_role, task_type, trace_id, ...more }: CancelTasksDto | RetryTasksDto,
  statuses: readonly TaskStatus[],
): TaskSelection {
  const { created_since, created_before } = more;
  const filter = { to_role, task_type, trace_id, created_since, created_before };
  if ([status, from_role, ...Object.values(filter)].every((value) => value === undefined))
    throw withoutFilter();
  const isAdmin = agent.roles.includes('admin');
  const requesters = from_role === undefined ? agent.roles : [from_role];
  return {
    ...filter,
    statuses: status === undefined ? statuses : [status],
    requesters:
      isAdmin && from_role === undefined
        ? undefined
        : requesters.filter((role) => isAdmin || agent.roles.includes(role)),
  };
}

/** Returns the actor of the change: the requester role if the caller holds it, otherwise admin. */
function actorFor({ roles, subject }: Agent, { from_role }: SelectedTask) {
  return { role: roles.includes(from_role) ? from_role : 'admin', subject };
}

/** Returns the error with which `work` is refused; undefined if it succeeds. */
async function refusalOf(work: () => Promise<unknown>): Promise<DomainError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

function withoutFilter(): InvalidInputError {
  return new InvalidInputError([
    {
      pointer: '/',
      message:
        'At least one of status, to_role, from_role, task_type, trace_id, created_since and created_before is required',
    },
  ]);
}
