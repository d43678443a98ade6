import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';
import { inboxPlans } from '../../support/inbox-plans.js';
import { insertTasks, vacuum } from '../../support/insert-tasks.js';
import type { Plan } from '../../support/query-plans.js';
import { Team } from '../../support/work.js';

const SCHEDULED = 10_000;

describe(`with ${SCHEDULED} tasks that are due in an hour`, () => {
  let mesh: TestApp;
  let team: Team;
  let plans: Record<string, Plan>;

  beforeAll(async () => {
    mesh = await startTestApp();
    team = new Team(mesh);
    const { role } = team;
    await insertTasks(mesh, { role, count: SCHEDULED, status: 'pending', daysAgo: 1 });
    await mesh.query(`UPDATE sessions SET not_before = now() + interval '1 hour' WHERE role = $1`, [
      role,
    ]);
    await insertTasks(mesh, { role, count: 300, status: 'pending' });
    await vacuum(mesh);
    plans = await inboxPlans(mesh, team);
  }, 120_000);

  afterAll(() => mesh.close());

  it.each([
    ...['inbox', 'next page of the inbox', 'inbox for a type', 'inbox for an auditor'],
    ...['wait', 'wait for a type'],
    ...['claim', 'claim of a type', 'claim of two types', 'claim of nothing'],
  ])('%s reads none of them', (name) => {
    // Two types with at most 100 attempts each.
    expect(plans[name]?.rowsRead).toBeLessThanOrEqual(200);
  });

  it('one of them is claimed as soon as it is due', async () => {
    const worker = team.worker();
    await mesh.query(`UPDATE sessions SET status = 'expired', ended_reason = 'retention'
      WHERE status = 'pending' AND not_before IS NULL`);
    expect((await worker.post('/tasks/claim', {})).status).toBe(204);
    const [due] = await mesh.query<{ id: string; task_id: string }>(
      `SELECT id, task_id FROM sessions WHERE status = 'pending' LIMIT 1`,
    );
    await mesh.query(`UPDATE sessions SET not_before = now() WHERE id = $1`, [due?.id]);
    const { body } = await worker.post<{ task: { id: string } }>('/tasks/claim', {});
    expect(body.task.id).toBe(due?.task_id);
  });
});
