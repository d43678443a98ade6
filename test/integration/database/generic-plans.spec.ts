import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';
import { insertTasks, vacuum } from '../../support/insert-tasks.js';
import { Team, repeat } from '../../support/work.js';

/** PostgreSQL plans each of the first five executions of a prepared statement, and then compares with a generic plan. */
const PLANNED_ANEW = 5;
const OFTEN = 3 * PLANNED_ANEW;

/** Lists but for the inbox are left out: which plan is best depends on what they are asked for. */
describe('prepared statements', () => {
  let mesh: TestApp;

  // On one connection, which is then asked how it planned.
  beforeAll(async () => {
    mesh = await startTestApp({ env: { DATABASE_POOL_SIZE: '1' } });
    const team = new Team(mesh);
    // What there is decides between plans.
    await insertTasks(mesh, { role: 'other', count: 10_000, status: 'pending' });
    await vacuum(mesh);
    const worker = team.worker();
    const routed = { target: team.role, task: { task_type: 'review' } };
    await repeat(OFTEN, async () => {
      await team.route();
      await team.requester.post('/tasks/route', routed, { 'Idempotency-Key': randomUUID() });
      const { session } = await team.claim(worker);
      const path = `/sessions/${session.id}`;
      await worker.put(path, { metadata: { step: 1 } });
      await worker.post(`${path}/heartbeat`, {});
      await worker.put(path, { status: 'completed' });
      await worker.get(path);
      await worker.get(`/tasks?to_role=${team.role}&status=pending`);
    });
  });

  afterAll(() => mesh.close());

  it('keep a generic plan', async () => {
    const found = await mesh.query<{ statement: string; is_kept: boolean }>(
      `SELECT left(regexp_replace(statement, '\\s+', ' ', 'g'), 60) AS statement, generic_plans > 0 AS is_kept
         FROM pg_prepared_statements WHERE generic_plans + custom_plans > $1 ORDER BY 1`,
      [2 * PLANNED_ANEW],
    );
    expect(found.length).toBeGreaterThan(8);
    expect(found.filter(({ is_kept }) => !is_kept)).toEqual([]);
  });
});
