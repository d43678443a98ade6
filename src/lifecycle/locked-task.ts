import type { LifecycleSession } from './session-transition.js';
import type { TaskSummary } from './task-summary.js';

/** An approval that is required before the task can be completed. */
export interface RequiredApproval {
  role: string;
  quorum: number;
  expires_in_seconds: number;
  /** Absent in requirements older than the member; then `any`. */
  approver_kind?: 'any' | 'human';
}

/** The content of a task. Its canonical JSON is the payload of the required approval. */
export interface TaskSubject {
  task_type: string;
  description: string;
  data: Record<string, unknown>;
  context: Record<string, unknown>;
}

/** An attempt that waits for an approval. */
export interface ParkedAttempt extends LifecycleSession {
  readonly role: string;
  readonly task_id: string;
  /** The chain of that approval. */
  readonly chain_id: string;
}

/** The state of a task that the transaction has locked. */
export interface LockedTask extends TaskSummary {
  subject: TaskSubject;
  requires_approval: RequiredApproval | null;
  /** Its latest attempt, if that is parked and not due yet. */
  parked: ParkedAttempt | undefined;
}

/** The columns of a task on which its end depends. */
export interface EndingTask {
  requires_approval: RequiredApproval | null;
  /** Null if no approval is required: the content can be long, and is then not read. */
  subject: TaskSubject | null;
}
