import type { MeshResponse, RequestOptions } from '../http.js';
import { List } from '../pages.js';
import type {
  BulkResult,
  CancelledTask,
  CancelTaskBody,
  CancelTasksBody,
  ClaimNextTaskBody,
  ClaimTaskBody,
  RetryTaskBody,
  ClaimedTask,
  RouteTaskBody,
  RetryTasksBody,
  RoutedTask,
  Task,
  TaskDetail,
  TaskFilter,
  TaskNode,
  TaskPage,
  Timeline,
} from '../types.js';
import { longPoll, TaskEndedError, type WaitOptions } from '../waiting.js';
import { Resource, segment } from './resource.js';

/** Selects the tasks of {@link Tasks.waitForWork}. */
export interface WorkFilter {
  /** Tasks of this role. Default: the default role of the token. */
  readonly role?: string | undefined;
  /** Tasks of these types. Default: all. */
  readonly taskTypes?: readonly string[] | undefined;
  /** Longest wait, 0 to 25. Default: 25. */
  readonly waitSeconds?: number | undefined;
}

/** A task at one of its versions. */
export interface ChangedTask {
  /** The task as it is now. */
  readonly task: TaskDetail;
  /** Pass it to {@link Tasks.changed} to wait for the next change. */
  readonly etag: string;
}

/** Tasks: work that one role asks of another. */
export class Tasks extends Resource {
  /** Routes a task to a role. Returns its id and the session of its first attempt. */
  route(task: RouteTaskBody, options?: RequestOptions): Promise<RoutedTask> {
    return this.write('/tasks/route', task, options);
  }

  /** Returns a task with its attempts and approvals. */
  get(id: string, options?: RequestOptions): Promise<TaskDetail> {
    return this.read(`/tasks/${segment(id)}`, options);
  }

  /** Lists the tasks that the caller can read, newest first. */
  list(filter: TaskFilter = {}, options: RequestOptions = {}): List<Task, TaskPage> {
    return new List(this.http, '/tasks', { ...filter }, ({ tasks }) => tasks, options);
  }

  /** Returns a task with the tasks below it. */
  tree(id: string, options?: RequestOptions): Promise<TaskNode> {
    return this.read(`/tasks/${segment(id)}/tree`, options);
  }

  /** Returns the events of a task in their order, and what it waits for. */
  timeline(id: string, options?: RequestOptions): Promise<Timeline> {
    return this.read(`/tasks/${segment(id)}/timeline`, options);
  }

  /** Waits until a task can be claimed. Returns the number of such tasks; 0 if there is none in time. */
  async waitForWork(filter: WorkFilter = {}, options: RequestOptions = {}): Promise<number> {
    const { role, taskTypes, waitSeconds = 25 } = filter;
    const query = { role, task_types: taskTypes?.join(','), wait_seconds: waitSeconds };
    const waited = await this.read<{ pending: number } | undefined>('/tasks/wait', {
      ...options,
      query,
    });
    return waited?.pending ?? 0;
  }

  /** Claims the first task of the inbox. Returns undefined if no task is due. */
  claimNext(
    claim: ClaimNextTaskBody = {},
    options?: RequestOptions,
  ): Promise<ClaimedTask | undefined> {
    return this.write('/tasks/claim', claim, options);
  }

  /** Claims one task. */
  claim(id: string, lease: ClaimTaskBody = {}, options?: RequestOptions): Promise<ClaimedTask> {
    return this.write(`/tasks/${segment(id)}/claim`, lease, options);
  }

  /** Cancels a task. Its worker sees this at once. */
  cancel(
    id: string,
    cancel: CancelTaskBody = {},
    options?: RequestOptions,
  ): Promise<CancelledTask> {
    return this.write(`/tasks/${segment(id)}/cancel`, cancel, options);
  }

  /** Opens another attempt at a task that has failed. */
  retry(id: string, retry: RetryTaskBody = {}, options?: RequestOptions): Promise<Task> {
    return this.write(`/tasks/${segment(id)}/retry`, retry, options);
  }

  /** Cancels the tasks of a filter. Without `dry_run: false` it only returns them. */
  cancelMany(filter: CancelTasksBody, options?: RequestOptions): Promise<BulkResult> {
    return this.write('/tasks/cancel', filter, options);
  }

  /** Retries the tasks of a filter. Without `dry_run: false` it only returns them. */
  retryMany(filter: RetryTasksBody, options?: RequestOptions): Promise<BulkResult> {
    return this.write('/tasks/retry', filter, options);
  }

  /** Waits until the task has ended. Returns it, whatever its status. */
  async ended(id: string, options: WaitOptions = {}): Promise<TaskDetail> {
    return longPoll(options, async (waitSeconds, signal) => {
      const query = { wait_seconds: waitSeconds, until: 'finished' };
      const task = await this.read<TaskDetail>(`/tasks/${segment(id)}`, { query, signal });
      return task.status === 'pending' || task.status === 'active' ? undefined : task;
    });
  }

  /**
   * Waits until the task has ended. Returns its result; an empty object if the worker returned none.
   *
   * @throws TaskEndedError if it was not completed
   * @throws WaitTimeoutError if it has not ended in `timeoutMs`
   */
  async result(id: string, options: WaitOptions = {}): Promise<Record<string, unknown>> {
    const task = await this.ended(id, options);
    if (task.status !== 'completed') throw new TaskEndedError(task);
    return task.attempts.find(({ status }) => status === 'completed')?.result ?? {};
  }

  /**
   * Waits for the next change of the task. `etag` is that of an earlier call; without it the task is returned at once.
   * Returns undefined if nothing has changed in `waitSeconds`.
   */
  async changed(
    id: string,
    since: { etag?: string | undefined; waitSeconds?: number },
    options: RequestOptions = {},
  ): Promise<ChangedTask | undefined> {
    const { etag, waitSeconds = 25 } = since;
    const response: MeshResponse = await this.http.send({
      ...options,
      method: 'GET',
      path: `/tasks/${segment(id)}`,
      query: etag === undefined ? {} : { wait_seconds: waitSeconds },
      ...(etag !== undefined && { headers: { 'if-none-match': etag } }),
    });
    if (response.status === 304) return undefined;
    return { task: response.body as TaskDetail, etag: response.headers.get('etag') ?? '' };
  }
}
