import type { TaskStatus } from '../lifecycle/task-status.js';
import type { TaskDetailDto } from '../tasks/dto/task.dto.js';

/** A pending approval of a task. */
export interface PendingApproval {
  readonly id: string;
  readonly approver_role: string;
  readonly digest: string | null;
  readonly expires_at: Date | null;
}

/** The facts of a task that its A2A form depends on. */
export interface TaskFacts {
  readonly id: string;
  readonly trace_id: string;
  readonly to_role: string;
  readonly task_type: string;
  readonly description: string;
  readonly data: Record<string, unknown>;
  readonly context: Record<string, unknown>;
  readonly status: TaskStatus;
  /** The latest attempt. */
  readonly session_id: string;
  readonly attempt: number;
  /** Time of the last change of the latest attempt. */
  readonly updated_at: Date;
  readonly result: Record<string, unknown> | null;
  readonly error: string | null;
  readonly pending: readonly PendingApproval[];
}

/** Returns the facts of a task that the API shows. */
export function factsOf(task: TaskDetailDto): TaskFacts {
  const latest = task.attempts.find(({ id }) => id === task.session_id);
  return {
    ...task,
    updated_at: latest?.updated_at ?? task.created_at,
    result: latest?.result ?? null,
    error: latest?.error ?? null,
    pending: task.approvals.filter(({ status }) => status === 'pending'),
  };
}
