import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { inboxPlans } from '../support/inbox-plans.js';
import { insertTasks, vacuum } from '../support/many-tasks.js';
import { explain, type Plan, statementsOf } from '../support/plans.js';
import { sweepDeadlines, sweepLeases, Team } from '../support/work.js';

const FINISHED = 100_000;
const PENDING = 1_000;

describe(`behind ${FINISHED} finished tasks`, () => {
  let mesh: TestApp;
  let team: Team;
  let plans: Record<string, Plan>;

  beforeAll(async () => {
    mesh = await startTestApp();
    team = new Team(mesh);
    const { role } = team;
    await insertTasks(mesh, { role, count: FINISHED, status: 'completed', daysAgo: 1 });
    await insertTasks(mesh, { role, count: PENDING, status: 'pending' });
    await insertTasks(mesh, { role, count: PENDING, status: 'active' });
    await vacuum(mesh);
    plans = await inboxPlans(mesh, team);
  }, 120_000);

  afterAll(() => mesh.close());

  it.each([
    'inbox',
    'next page of the inbox',
    'inbox for a type',
    'inbox for an auditor',
    'wait',
    'claim',
    'claim of a type',
    'claim of nothing',
  ])('%s goes through the index of what is pending, in its order', (name) => {
    const plan = plans[name];
    expect(plan?.ways).toContain('idx_sessions_inbox');
    expect(plan?.ways.filter((way) => way.startsWith('Seq Scan'))).toEqual([]);
    expect(plan?.sorts).toBe(false);
  });

  it('wait for a type, which only counts, goes through indexes too', () => {
    const ways = plans['wait for a type']?.ways ?? [];
    expect(ways).toContain('tasks_pkey');
    expect(ways.filter((way) => way.startsWith('Seq Scan'))).toEqual([]);
  });

  it('the sweeps go through their indexes', async () => {
    const statements = await statementsOf(mesh, async () => {
      await sweepLeases(mesh);
      await sweepDeadlines(mesh);
    });
    const found = statements.filter(({ text }) => text.includes('SKIP LOCKED'));
    const ways = await Promise.all(found.map(async (each) => (await explain(mesh, each)).ways));
    expect(ways).toEqual([['idx_sessions_lease'], ['idx_sessions_deadline']]);
  });
});
