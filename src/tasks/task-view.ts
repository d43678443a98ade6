import { type TaskStatus, taskStatus } from '../lifecycle/task-status.js';
import type { Session } from '../sessions/session.entity.js';
import type { Task } from './task.entity.js';

/** A task with its status and the facts of its latest attempt. */
export interface TaskView extends Omit<Task, 'idempotency_key'> {
  status: TaskStatus;
  session_id: string;
  attempt: number;
  claimed_by: string | null;
  parked_for: string | null;
}

/** Returns a task with the status and the facts of its latest attempt. */
export function withAttempt(task: Task, attempt: Session): TaskView {
  const { id: session_id, claimed_by, attempt: number, parked_for } = attempt;
  const status = taskStatus(attempt);
  return { ...task, session_id, claimed_by, attempt: number ?? 1, parked_for, status };
}
