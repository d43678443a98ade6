import { deadlinePast } from '../lifecycle/task-summary.js';
import { rolePaused } from '../roles/pause-notice.js';
import type { Session } from './session.entity.js';
import { taskNotDue } from './session-errors.js';
import type { LoadedSession } from './sessions.repository.js';

/** Members that are null in a plain session and set in an attempt. */
interface AttemptMembers {
  attempt: number;
  attempts_left: number;
  task_id: string;
}
export type Attempt = Session & AttemptMembers;

/** Whether a session is an attempt at a task. */
export function isAttempt<S extends Session>(session: S): session is S & AttemptMembers {
  return session.attempt !== null;
}

/**
 * Asserts that an attempt can be claimed or activated now.
 *
 * @throws DomainError `task.finished` if its deadline has passed, `task.not_due` if `not_before` has not,
 *   `role.paused` if its role is paused
 */
export function assertClaimable({
  is_past_deadline,
  is_early,
  not_before,
  role_pause,
}: LoadedSession): void {
  if (is_past_deadline) throw deadlinePast();
  if (is_early && not_before !== null) throw taskNotDue(not_before);
  if (role_pause !== null) throw rolePaused(role_pause);
}
