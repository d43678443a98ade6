import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';
import { inboxPlans } from '../../support/inbox-plans.js';
import { insertTasks, vacuum } from '../../support/insert-tasks.js';
import { explain, type Plan, statementsOf } from '../../support/query-plans.js';
import { sweepDeadlines, sweepLeases, Team } from '../../support/work.js';

const FINISHED = 100_000;
const PENDING = 5_000;

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
    ['wait for a type', 'idx_sessions_inbox_of_type'],
    ['claim of a type', 'idx_sessions_inbox_of_type'],
    ['claim of two types', 'idx_sessions_inbox_of_type'],
    ['claim of nothing', 'idx_sessions_inbox_of_type'],
  ])('%s reads the first rows of each task type', (name, index) => {
    const plan = plans[name];
    const ways = plan?.ways.filter((way) => way !== 'sessions_pkey');
    expect(ways).toEqual(['role_pauses_pkey', index]);
  });

  it.each([
    ['inbox', 'idx_sessions_inbox'],
    ['next page of the inbox', 'idx_sessions_inbox'],
    ['inbox for a type', 'idx_sessions_inbox_of_type'],
    ['inbox for an auditor', 'idx_sessions_inbox'],
    ['wait', 'idx_sessions_inbox'],
    ['claim', 'idx_sessions_inbox'],
  ])('%s uses the index of pending attempts, in its order', (name, index) => {
    const plan = plans[name];
    expect(plan?.ways).toContain(index);
    expect(plan?.ways.filter((way) => way.startsWith('Seq Scan'))).toEqual([]);
    expect(plan?.rowsRead).toBeLessThanOrEqual(101);
  });

  it('the sweeps use their indexes', async () => {
    const statements = await statementsOf(mesh, async () => {
      await sweepLeases(mesh);
      await sweepDeadlines(mesh);
    });
    const found = statements.filter(
      ({ text }) => text.includes('SKIP LOCKED') && text.includes('FROM sessions'),
    );
    const ways = await Promise.all(found.map(async (each) => (await explain(mesh, each)).ways));
    expect(ways).toEqual([['idx_sessions_lease'], ['idx_sessions_deadline']]);
  });
});
