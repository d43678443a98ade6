import { statusNow, taskStatusNow } from '../lifecycle/overdue.sql.js';

/** Columns of a task `t` that the API shows: all but the database key. */
export const TASK_COLUMNS = `
  t.id, t.task_type, t.description, t.from_role, t.to_role, t.data, t.context, t.priority, t.deadline_at,
  t.max_attempts, t.max_run_seconds, t.parent_task_id, t.requires_approval, t.trace_id, t.traceparent,
  t.created_by, t.created_at`;

/** Same condition as the view `task_participants`, in a form that PostgreSQL evaluates task by task. */
export const TAKES_PART = `(t.from_role = ANY(?) OR t.to_role = ANY(?)
  OR (SELECT true FROM task_approvers p WHERE p.task_id = t.id AND p.role = ANY(?) LIMIT 1))`;

/** FROM item: the latest attempt `a` of a task `t`. */
export const LATEST_ATTEMPT = `LATERAL (
         SELECT s.* FROM sessions s
          WHERE s.task_id = t.id AND s.attempt IS NOT NULL
          ORDER BY s.attempt DESC LIMIT 1
       ) a ON true`;

/**
 * Returns SQL for the present status of a task, from its latest attempt `a`.
 *
 * @param days placeholder of the retention in days
 */
export function currentStatus(days: string): string {
  return taskStatusNow('a', statusNow('a', days));
}
