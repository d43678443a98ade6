import type { Pool } from 'pg';

/** The rows of one routed task by table: 0 or 1 of each in a consistent database. */
export interface TaskRowCounts {
  tasks: number;
  attempts: number;
  events: number;
  records: number;
}

/** The rows of the request with this idempotency key, which is also `data.key` of its task. */
export async function taskRowCounts(db: Pool, key: string): Promise<TaskRowCounts | undefined> {
  const { rows } = await db.query<TaskRowCounts>(
    `WITH routed AS (SELECT id FROM tasks WHERE data->>'key' = $1)
     SELECT (SELECT count(*)::integer FROM routed) AS tasks,
            (SELECT count(*)::integer FROM sessions WHERE task_id IN (SELECT id FROM routed)) AS attempts,
            (SELECT count(*)::integer FROM audit_events WHERE task_id IN (SELECT id FROM routed)) AS events,
            (SELECT count(*)::integer FROM idempotency_records WHERE key = $1) AS records`,
    [key],
  );
  return rows[0];
}

export const NO_ROWS: TaskRowCounts = { tasks: 0, attempts: 0, events: 0, records: 0 };
export const ONE_ROW_EACH: TaskRowCounts = { tasks: 1, attempts: 1, events: 1, records: 1 };
