import pg from 'pg';
import type { TestApp } from './app.js';

export interface ManyTasks {
  count: number;
  role: string;
  status: 'pending' | 'active' | 'completed';
  /** How many days ago the last of them was routed. */
  daysAgo?: number;
  /** The subject that claimed them. */
  claimedBy?: string;
}

/** Puts many tasks, each with one attempt, straight into the tables. */
export async function insertTasks(
  mesh: TestApp,
  { count, role, status, daysAgo = 0, claimedBy }: ManyTasks,
): Promise<void> {
  await patiently(mesh, INSERT_TASKS, [count, role, status, daysAgo, claimedBy ?? null]);
}

/** Puts many plain sessions into the table, pending for longer than they are kept. */
export async function insertOverdueSessions(mesh: TestApp, count: number): Promise<void> {
  await patiently(mesh, INSERT_SESSIONS, [count]);
}

/** Lets the planner, and the visibility map, know what is in the tables. */
export async function vacuum(mesh: TestApp): Promise<void> {
  await patiently(mesh, 'VACUUM ANALYZE sessions, tasks', []);
}

/** Runs a statement that may take longer than any of the application's. */
async function patiently(mesh: TestApp, text: string, parameters: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: mesh.databaseUrl });
  await client.connect();
  try {
    await client.query(text, parameters);
  } finally {
    await client.end();
  }
}

const INSERT_TASKS = `
  WITH routed AS (
    INSERT INTO tasks (id, task_type, description, from_role, to_role, trace_id, idempotency_key, created_by, created_at)
    SELECT gen_random_uuid(), CASE n % 10 WHEN 0 THEN 'rare' ELSE 'review' END, '', 'requester', $2,
           gen_random_uuid(), gen_random_uuid(), 'many',
           now() - make_interval(days => $4::integer) - make_interval(secs => n)
      FROM generate_series(1, $1::integer) AS n
    RETURNING id, trace_id, created_at
  )
  INSERT INTO sessions
    (id, role, task_id, status, trace_id, created_by, created_at, attempt, attempts_left, priority, ended_reason,
     lease_expires_at, deadline_at, claimed_by)
  SELECT gen_random_uuid(), $2, id, $3::varchar, trace_id, 'many', created_at, 1, 2, (random() * 2)::smallint,
         CASE $3 WHEN 'completed' THEN 'completed' END,
         CASE $3 WHEN 'active' THEN now() + make_interval(secs => 60 + 300 * random()) END,
         CASE WHEN random() < 0.2 THEN now() + interval '1 day' END, $5::text
    FROM routed`;

const INSERT_SESSIONS = `
  INSERT INTO sessions (id, role, status, trace_id, created_by, created_at)
  SELECT gen_random_uuid(), 'idle', 'pending', gen_random_uuid(), 'many', now() - interval '8 days'
    FROM generate_series(1, $1::integer)`;
