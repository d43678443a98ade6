import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { inboxPlans } from '../support/inbox-plans.js';
import { insertTasks, vacuum } from '../support/insert-tasks.js';
import { repeat, Team } from '../support/work.js';

const FINISHED = 1_000_000;
const PENDING = 10_000;
const ASKS = 100;
/** A gross bound: what a list or a claim must not take, even on a busy machine. */
const MOST_MS = 500;

let mesh: TestApp;
let team: Team;

beforeAll(async () => {
  mesh = await startTestApp();
  team = new Team(mesh);
  const { role } = team;
  await insertTasks(mesh, { role, count: FINISHED, status: 'completed', daysAgo: 1 });
  await insertTasks(mesh, { role, count: PENDING, status: 'pending' });
  await vacuum(mesh);
}, 600_000);

afterAll(() => mesh.close());

it(`finds ${PENDING} pending tasks behind ${FINISHED} finished ones through their index`, async () => {
  for (const [name, { ways, sorts, ms }] of Object.entries(await inboxPlans(mesh, team))) {
    print(`${name}: ${ms.toFixed(2)} ms through ${ways.join(', ')}${sorts ? ', sorted' : ''}`);
    expect(ways.some((way) => way.startsWith('idx_sessions_inbox'))).toBe(true);
    expect(ways.filter((way) => way.startsWith('Seq Scan'))).toEqual([]);
    expect(ms).toBeLessThan(MOST_MS);
  }
});

it('answers requests for it in time', async () => {
  const worker = team.worker();
  await measured('GET /tasks', () => worker.get(`/tasks?to_role=${team.role}&status=pending`));
  await measured('GET /tasks/wait', () => worker.get('/tasks/wait?wait_seconds=0'));
  await measured('POST /tasks/claim', () => worker.post('/tasks/claim', {}));
  const rare = { task_types: ['rare'] };
  await measured('POST /tasks/claim of a type', () => worker.post('/tasks/claim', rare));
}, 120_000);

async function measured(name: string, ask: () => Promise<{ status: number }>): Promise<void> {
  const took: number[] = [];
  await repeat(ASKS, async () => {
    const started = performance.now();
    expect((await ask()).status).toBe(200);
    took.push(performance.now() - started);
  });
  const [median, most] = [took.sort((a, b) => a - b)[ASKS / 2], took.at(-1)];
  print(`${name}: median ${median?.toFixed(1)} ms, at most ${most?.toFixed(1)} ms`);
  expect(median).toBeLessThan(MOST_MS);
}

function print(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
