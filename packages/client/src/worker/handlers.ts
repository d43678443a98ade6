import type { TaskHandler } from './attempt.js';
import { invalidWorker } from './worker-errors.js';

/** Handler of all task types that have no handler of their own. */
const ANY = '*';
const MAX_TASK_TYPES = 50;

/** The handlers of a worker, by task type. */
export class Handlers {
  private readonly byType = new Map<string, TaskHandler>();

  /** Sets the handler of a task type; `*` is every type that has none. */
  set(taskType: string, handler: TaskHandler): void {
    this.byType.set(taskType, handler);
  }

  find(taskType: string): TaskHandler | undefined {
    return this.byType.get(taskType) ?? this.byType.get(ANY);
  }

  /**
   * Returns the task types to claim; undefined means all.
   *
   * @param wanted the task types of the options; undefined: all that have a handler
   * @throws MeshError `mesh.worker_invalid` if a type has no handler, or there are too many types for one claim
   */
  claimedTypes(wanted: readonly string[] | undefined): string[] | undefined {
    if (this.byType.size === 0) throw invalidWorker('The worker has no handler: call on() first.');
    if (wanted === undefined && this.byType.has(ANY)) return undefined;
    const types = [...(wanted ?? this.byType.keys())];
    const missing = types.find((type) => this.find(type) === undefined);
    if (missing !== undefined) throw invalidWorker(`The task type ${missing} has no handler.`);
    if (types.length > MAX_TASK_TYPES)
      throw invalidWorker(`A worker claims at most ${MAX_TASK_TYPES} task types, or all with '*'.`);
    return types;
  }
}
