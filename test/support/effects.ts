import type { Pool } from 'pg';

/** How much of one routed task is in the database: each is 0 or 1 in a sound one. */
export interface TaskEffects {
  tasks: number;
  attempts: number;
  events: number;
  records: number;
}

/** What the request with this key, which its task also carries as `data.key`, left behind. */
export async function effectsOf(db: Pool, key: string): Promise<TaskEffects | undefined> {
  const { rows } = await db.query<TaskEffects>(
    `WITH routed AS (SELECT id FROM tasks WHERE data->>'key' = $1)
     SELECT (SELECT count(*)::integer FROM routed) AS tasks,
            (SELECT count(*)::integer FROM sessions WHERE task_id IN (SELECT id FROM routed)) AS attempts,
            (SELECT count(*)::integer FROM audit_events WHERE task_id IN (SELECT id FROM routed)) AS events,
            (SELECT count(*)::integer FROM idempotency_records WHERE key = $1) AS records`,
    [key],
  );
  return rows[0];
}

export const NOTHING: TaskEffects = { tasks: 0, attempts: 0, events: 0, records: 0 };
export const ONCE: TaskEffects = { tasks: 1, attempts: 1, events: 1, records: 1 };
