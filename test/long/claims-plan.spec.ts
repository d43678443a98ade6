import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { insertTasks, vacuum } from '../support/insert-tasks.js';
import { explain, statementsOf } from '../support/query-plans.js';

const FINISHED = 100_000;
const HELD = 20;
const ROLE = 'manager';
/** The subject of the test, and one that works beside it. */
const [ME, OTHER] = ['agent-mesh-dev#me', 'agent-mesh-dev#other'];

let mesh: TestApp;

beforeAll(async () => {
  mesh = await startTestApp();
  for (const claimedBy of [ME, OTHER]) {
    await insertTasks(mesh, { role: ROLE, count: FINISHED, status: 'completed', claimedBy });
    await insertTasks(mesh, { role: ROLE, count: HELD, status: 'active', claimedBy });
  }
  await vacuum(mesh);
}, 600_000);

afterAll(() => mesh.close());

it.each([
  ['sessions', 'idx_sessions_claimed_by'],
  ['tasks', 'idx_sessions_claimed_by_tasks'],
])(
  `GET /%s finds the ${HELD} claims of a caller among ${2 * FINISHED} in %s`,
  async (list, index) => {
    const agent = mesh.agent(ROLE, 'me');
    const path = `/${list}?claimed_by=me&status=active&page_size=100`;
    const held = await agent.get<Record<string, unknown[]>>(path);
    const statements = await statementsOf(mesh, () => agent.get(path));
    const found = statements.filter(({ text }) => text.includes('is_last'));
    const plans = await Promise.all(found.map((statement) => explain(mesh, statement)));
    for (const { ways, rowsRead, ms } of plans) {
      process.stdout.write(`    ${list}: ${ms.toFixed(2)} ms through ${ways.join(', ')}\n`);
      expect(ways).toContain(index);
      expect(ways.filter((way) => way.startsWith('Seq Scan on'))).toEqual([]);
      expect(rowsRead).toBeLessThanOrEqual(HELD);
    }

    expect(held.body[list]).toHaveLength(HELD);
    expect(plans.length).toBeGreaterThan(0);
  },
);
