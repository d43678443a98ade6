import {
  type ListTasksRequest,
  type ListTasksResponse,
  type Message,
  TaskState,
  taskStateToJSON,
} from '@a2a-js/sdk';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { parseUuid } from '../common/uuid.js';
import { decodeCursor, toPage } from '../database/keyset.js';
import { ListReadsService } from '../database/replica/list-reads.service.js';
import type { RowPage } from '../database/sql.js';
import { parseTimestamp } from '../http/timestamp.js';
import { A2aRefusal } from './a2a-failure.js';
import { furtherMessageOf } from './a2a-message.js';
import { toA2aTask } from './a2a-task.js';
import { type A2aTaskFilter, type A2aTaskRow, A2aTasksRepository } from './a2a-tasks.repository.js';
import type { TaskFacts } from './task-facts.js';

const DEFAULT_PAGE_SIZE = 50;
/** Maximum of `totalSize`. */
const MAX_TOTAL = 10_000;

/** Lists the tasks of an agent that the caller can see, with the latest change first. */
@Injectable()
export class TaskListsService {
  constructor(
    private readonly tasks: A2aTasksRepository,
    private readonly reads: ListReadsService,
  ) {}

  /** @throws A2aRefusal if the page token or the context is not valid */
  async list(agent: Agent, role: string, request: ListTasksRequest): Promise<ListTasksResponse> {
    const { pageSize = DEFAULT_PAGE_SIZE, historyLength, includeArtifacts = false } = request;
    const filter = filterOf(agent, role, request);
    return this.reads.read(async (manager) => {
      const [found, totalSize] = await Promise.all([
        this.tasks.list(manager, { ...filter, after: placeOf(request.pageToken) }, pageSize + 1),
        this.tasks.count(manager, { ...filter, after: undefined }, MAX_TOTAL),
      ]);
      const { page, messages } =
        historyLength === 0
          ? { page: found, messages: new Map<string, Message[]>() }
          : await this.withMessages(manager, found, pageSize);
      const { rows, next_cursor } = toPage('changes', page, pageSize);
      const tasks = rows.map((row) =>
        toA2aTask(toFacts(row), agent.roles, {
          historyLength,
          further: messages.get(row.id) ?? [],
          includeArtifacts,
        }),
      );
      return { tasks, nextPageToken: next_cursor ?? '', pageSize, totalSize };
    });
  }

  /** Reads the further messages of tasks. The page ends before the first task whose messages do not fit into it. */
  private async withMessages(
    manager: EntityManager,
    found: RowPage<A2aTaskRow>,
    pageSize: number,
  ): Promise<{ page: RowPage<A2aTaskRow>; messages: Map<string, Message[]> }> {
    const tasks = found.rows.slice(0, pageSize);
    const messages = new Map<string, Message[]>(tasks.map(({ id }) => [id, []]));
    if (tasks.length === 0) return { page: found, messages };
    const { rows, isTruncated } = await this.tasks.listMessages(manager, [...messages.keys()]);
    for (const { task_id, text } of rows) {
      const task = tasks.find(({ id }) => id === task_id);
      const message = task && furtherMessageOf(text, task);
      if (message) messages.get(task_id)?.push(message);
    }
    if (!isTruncated) return { page: found, messages };
    const cut = tasks.findIndex(({ id }) => id === rows.at(-1)?.task_id);
    return { page: { rows: tasks.slice(0, Math.max(cut, 1)), isTruncated: true }, messages };
  }
}

function filterOf(
  agent: Agent,
  role: string,
  { contextId, status, statusTimestampAfter }: ListTasksRequest,
): Omit<A2aTaskFilter, 'after'> {
  return {
    role,
    callerRoles: agent.roles,
    participants: canReadEverything(agent) ? undefined : agent.roles,
    // A context of another form has no tasks.
    trace_id: contextId === '' ? undefined : (parseUuid(contextId) ?? NO_TRACE),
    state: status === TaskState.TASK_STATE_UNSPECIFIED ? undefined : taskStateToJSON(status),
    changed_since: statusTimestampAfter && parseTimestamp(statusTimestampAfter),
  };
}

const NO_TRACE = '00000000-0000-0000-0000-000000000000';

function placeOf(pageToken: string) {
  if (pageToken === '') return undefined;
  try {
    return decodeCursor('changes', pageToken);
  } catch {
    throw new A2aRefusal('params', 'pageToken must be the nextPageToken of the previous page.');
  }
}

function toFacts({ pending, ...row }: A2aTaskRow): TaskFacts {
  return {
    ...row,
    pending: pending.map(({ expires_at, ...approval }) => ({
      ...approval,
      expires_at: expires_at === null ? null : new Date(expires_at),
    })),
  };
}
