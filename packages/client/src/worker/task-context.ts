import type { MeshClient } from '../client.js';
import { MeshError } from '../errors.js';
import type { Approval, RouteTaskBody, RoutedTask, Session, Task } from '../types.js';
import { type ApprovalOptions, ApprovalStep } from './approval-step.js';
import { persistently } from './persistently.js';
import type { SessionHold } from './session-hold.js';

const MAX_KEY_LENGTH = 255;

/** The second argument of a handler. */
export class TaskContext {
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  private readonly approvals: ApprovalStep;

  /** @internal */
  constructor(
    /** The client of the worker. */
    readonly client: MeshClient,
    /** The task. */
    readonly task: Task,
    /** The session as it was claimed. */
    readonly session: Session,
    private readonly hold: SessionHold,
  ) {
    this.attempt = session.attempt ?? 1;
    this.approvals = new ApprovalStep(client, session, hold.signal);
  }

  /** Aborts when the lease is lost, the task is cancelled, or the worker stops. Pass it on to what the handler calls. */
  get signal(): AbortSignal {
    return this.hold.signal;
  }

  /**
   * Returns an idempotency key for one step of the task. It is the same in every attempt, so an effect with this key
   * happens once for the task.
   */
  key(step: string): string {
    const key = `${this.task.id}.${encodeURIComponent(step)}`;
    if (step === '' || key.length > MAX_KEY_LENGTH)
      throw new MeshError(
        'mesh.step_invalid',
        `The name of the step is empty or too long: ${step}`,
      );
    return key;
  }

  /**
   * Requests an approval of a payload, waits for the decision and consumes it. Returns the approval of the last stage.
   * A later attempt continues with the approval of an earlier one. If `consumed_attempt` of the approval is not this
   * attempt, an earlier one may have acted already: use {@link key} for the effect.
   *
   * @throws ApprovalRefusedError if it is rejected or withdrawn, or expires
   */
  requestApproval(payload: Record<string, unknown>, options: ApprovalOptions): Promise<Approval> {
    return this.approvals.grant(payload, options);
  }

  /** Routes a subtask. `step` names it: the subtask of one step is routed once for the task. */
  routeSubtask(step: string, task: RouteTaskBody): Promise<RoutedTask> {
    const subtask = { parent_task_id: this.task.id, from_role: this.session.role, ...task };
    const options = { idempotencyKey: this.key(step), signal: this.signal };
    return persistently(this.signal, () => this.client.tasks.route(subtask, options));
  }

  /** Stores the metadata of the session, for example its progress. They replace the earlier ones. */
  updateMetadata(metadata: Record<string, unknown>): Promise<void> {
    return this.hold.updateMetadata(metadata);
  }
}
