import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import {
  ENDED_REASONS,
  isTerminal,
  SESSION_STATUSES,
} from '../../../src/lifecycle/session-status.js';
import { taskStatusNow } from '../../../src/lifecycle/overdue.sql.js';
import {
  type LatestAttempt,
  TASK_STATUSES,
  taskStatus,
} from '../../../src/lifecycle/task-status.js';
import { newDatabase } from '../../support/app.js';
import { dropTestDatabase } from '../../support/postgres.js';

/** Every state that an attempt's row can be in, whether or not the lifecycle leads there. */
const STATES: LatestAttempt[] = SESSION_STATUSES.flatMap((status) =>
  (isTerminal(status) ? ENDED_REASONS : [null]).flatMap((ended_reason) =>
    [null, false, true].map((retryable) => ({ status, ended_reason, retryable })),
  ),
);

describe('task status', () => {
  let url: string;
  let db: pg.Client;

  beforeAll(async () => {
    url = await newDatabase();
    db = new pg.Client({ connectionString: url });
    await db.connect();
  });

  afterAll(async () => {
    await db.end();
    await dropTestDatabase(url);
  });

  it.each(STATES)('is the same in code, view and lists for %j', async (state) => {
    const id = await insertTask(state);
    const { rows } = await db.query<{ in_view: string; in_list: string }>(
      `SELECT t.status AS in_view, ${taskStatusNow('a', 'a.status')} AS in_list
         FROM task_states t JOIN sessions a ON a.id = t.session_id WHERE t.task_id = $1`,
      [id],
    );
    const status = taskStatus(state);
    expect(rows).toEqual([{ in_view: status, in_list: status }]);
  });

  it('covers every status of the API', () => {
    expect(new Set(STATES.map(taskStatus))).toEqual(new Set(TASK_STATUSES));
  });

  /** A task whose highest attempt is in that state, after one that was lost. */
  async function insertTask({ status, ended_reason, retryable }: LatestAttempt): Promise<string> {
    const id = randomUUID();
    await db.query(
      `INSERT INTO tasks (id, task_type, description, from_role, to_role, trace_id, idempotency_key, created_by)
       VALUES ($1, 'review', '', 'a', 'b', $1, $1, 'c')`,
      [id],
    );
    await db.query(
      `INSERT INTO sessions
         (id, role, task_id, trace_id, created_by, attempt, attempts_left, status, ended_reason, retryable)
       VALUES (gen_random_uuid(), 'b', $1, $1, 'c', 1, 2, 'failed', 'lease_lost', true),
              (gen_random_uuid(), 'b', $1, $1, 'c', 2, 1, $2, $3, $4)`,
      [id, status, ended_reason, retryable],
    );
    return id;
  }
});
