import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { MOST_COUNTED } from '../../../src/overview/overview.repository.js';
import { MAX_READ } from '../../../src/database/merged-ranges.js';
import { FILTERS, type List, MIDDLES } from '../../bench/growth-cases.js';
import { grow, ROLES_OF, type Viewer } from '../../bench/growth-rows.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { explain, type Plan, statementsOf } from '../../support/query-plans.js';

const TASKS = 20_000;
/** Rows that one scan may read: those of a range with a condition that its index does not contain, and a page. */
const MOST_ROWS = MAX_READ + 200;

/** A table with many rows that is read whole. */
const WHOLE =
  /^Seq Scan on (tasks|sessions|approvals|audit_events|task_approvers|approver_sessions|\w+_readers)$/;

/** Every role of 50 has tasks; a list that reads those of others, or a filter without an index, reads more rows. */
describe(`behind ${TASKS} tasks of 50 roles`, () => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp({ env: { A2A_ROLES: 'role_1' } });
    const client = new pg.Client({ connectionString: mesh.databaseUrl });
    await client.connect();
    await grow(client, TASKS);
    await client.query('VACUUM ANALYZE');
    await client.end();
  }, 120_000);

  afterAll(() => mesh.close());

  it.each(Object.keys(FILTERS) as List[])(
    'GET /%s accepts each pair of filters, also after a cursor',
    async (list) => {
      const filters = [...FILTERS[list], `cursor=${MIDDLES[list]}`];
      for (const viewer of ['several', 'auditor'] as const) {
        const agent = mesh.agent(ROLES_OF[viewer], viewer);
        for (const [first, second] of pairsOf(filters)) {
          const query = `${first}&${second}`;
          const { status } = await agent.get(`/${list}?${query}`);
          // A cursor of a list is not one of an inbox.
          const isInbox = query.includes('to_role') && query.includes('status=pending');
          const isRefused = isInbox && query.includes('cursor');
          expect({ query, status }).toEqual({ query, status: isRefused ? 400 : 200 });
        }
      }
    },
    60_000,
  );

  it.each(Object.keys(ROLES_OF) as Viewer[])(
    'ListTasks of A2A of a caller with %s reads few rows',
    async (viewer) => {
      const queries = ['', 'status=TASK_STATE_SUBMITTED', `contextId=${randomUUID()}`];
      for (const query of queries) {
        const plan = await a2aPlanOf(mesh, viewer, query);
        const whole = plan.ways.filter((way) => WHOLE.test(way));
        const excess = plan.rowsRead > MOST_ROWS ? plan.rowsRead : 0;
        expect({ query, whole, excess }).toEqual({ query, whole: [], excess: 0 });
      }
    },
  );

  it.each(Object.keys(ROLES_OF) as Viewer[])(
    'GET /audit/events?role= returns the events of the role that a caller with %s can read',
    async (viewer) => {
      const agent = mesh.agent(ROLES_OF[viewer], viewer);
      for (const role of ['role_1', 'role_40', 'system', 'little']) {
        const { body } = await agent.get<{ events: { id: string }[] }>(
          `/audit/events?role=${role}&page_size=50`,
        );
        const expected = await mesh.query(READABLE_EVENTS, [role, ROLES_OF[viewer]]);
        expect(body.events.map(({ id }) => ({ id }))).toEqual(expected);
      }
    },
  );

  it.each([
    ['tasks', 'idx_sessions_claimed_by_tasks'],
    ['sessions', 'idx_sessions_claimed_by'],
  ])('GET /%s?claimed_by=me finds the claims of a caller in %s', async (list, index) => {
    for (const query of ['claimed_by=me', 'claimed_by=me&status=active']) {
      const plans = await plansOf(mesh, 'much', `/${list}?${query}`);
      for (const { ways } of plans) expect(ways).toContain(index);
    }
  });

  for (const viewer of Object.keys(ROLES_OF) as Viewer[]) {
    for (const list of Object.keys(FILTERS) as List[]) {
      it(`GET /${list} of a caller with ${viewer} reads few rows, with each filter`, async () => {
        const queries = ['', `cursor=${MIDDLES[list]}`, ...FILTERS[list]];
        for (const query of queries) {
          for (const { ways, rowsRead } of await plansOf(mesh, viewer, `/${list}?${query}`)) {
            const whole = ways.filter((way) => WHOLE.test(way));
            const excess = rowsRead > limitOf(list, query) ? rowsRead : 0;
            expect({ query, whole, excess }).toEqual({ query, whole: [], excess: 0 });
          }
        }
      });
    }

    it(`GET /overview of a caller with ${viewer} reads indexes only, and no range whole`, async () => {
      const agent = mesh.agent(ROLES_OF[viewer], viewer);
      const statements = await statementsOf(mesh, async () => {
        expect((await agent.get('/overview')).status).toBe(200);
      });
      const counts = statements.filter(({ text }) => text.includes('SELECT'));
      expect(counts.length).toBeGreaterThan(7);
      for (const statement of counts) {
        const { ways, rowsRead } = await explain(mesh, statement);
        expect(ways.filter((way) => WHOLE.test(way))).toEqual([]);
        expect(rowsRead).toBeLessThanOrEqual(MOST_COUNTED + 1);
      }
    });
  }
});

const READABLE_EVENTS = `
  SELECT e.id FROM audit_events e
   WHERE e.role = $1 AND ('auditor' = ANY($2)
         OR EXISTS (SELECT FROM task_participants p WHERE p.task_id = e.task_id AND p.role = ANY($2)))
   ORDER BY e.timestamp, e.id LIMIT 50`;

/** A page with a number counts up to 10,000 sessions. */
function limitOf(list: List, query: string): number {
  return list === 'sessions' && !query.startsWith('cursor') ? 10_100 : MOST_ROWS;
}

async function plansOf(mesh: TestApp, viewer: Viewer, path: string): Promise<Plan[]> {
  const agent = mesh.agent(ROLES_OF[viewer], viewer);
  const statements = await statementsOf(mesh, () => agent.get(path));
  const lists = statements.filter(({ text }) => text.includes('is_last'));
  expect(lists.length).toBeGreaterThan(0);
  return Promise.all(lists.map((statement) => explain(mesh, statement)));
}

/** The plan of the list of A2A. The total, which is counted up to 10,000, has a statement of its own. */
async function a2aPlanOf(mesh: TestApp, viewer: Viewer, query: string): Promise<Plan> {
  const agent = mesh.agent(ROLES_OF[viewer], viewer);
  const headers = { 'a2a-version': '1.0' };
  const statements = await statementsOf(mesh, async () => {
    const { status } = await agent.get(`/a2a/role_1/v1/tasks?${query}`, { headers });
    expect(status).toBe(200);
  });
  const [list, ...others] = statements.filter(({ text }) => text.includes('AS pending'));
  if (!list || others.length > 0) throw new Error('there is more than one list');
  return explain(mesh, list);
}

/** Returns the pairs of filters that one request can have. */
function pairsOf(filters: readonly string[]): [string, string][] {
  const namesOf = (filter: string): string[] =>
    filter.split('&').map((each) => each.split('=')[0] ?? '');
  return filters.flatMap((first, n) =>
    filters
      .slice(n + 1)
      .filter((second) => !namesOf(second).some((name) => namesOf(first).includes(name)))
      .map((second): [string, string] => [first, second]),
  );
}
