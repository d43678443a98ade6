import { afterAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { untilSequenced } from '../../support/events.js';
import { routeTask, times, useTwoApps } from '../../support/kit.js';
import { McpAgents } from '../../support/mcp.js';
import { patient } from '../../support/patience.js';
import { waitingAt } from '../../support/waiting.js';

const WAITING = 20;
const SOON_MS = 2_000;

describe('tools that wait', () => {
  const [one, two] = useTwoApps({ DATABASE_POOL_SIZE: '2', MAX_IN_FLIGHT: '100' });
  const pools: McpAgents[] = [];

  afterAll(() => Promise.all(pools.map((pool) => pool.close())));

  function agentAt(mesh: TestApp, role: string) {
    const pool = new McpAgents('http', mesh.url);
    pools.push(pool);
    return pool.agent(tokenFor(role, newSubject(role)));
  }

  it('have no database connection, and notice changes of other instances', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const task = await routeTask(one, from, to);
    const agent = await agentAt(two, from);
    const waiting = times(WAITING, () => [
      agent.does('fetch_status', { id: task, wait_seconds: 25 }),
      agent.does('wait_for_event', { task_id: task, types: ['task.cancelled'], wait_seconds: 25 }),
    ]).flat();
    await waitingAt(two, 2 * WAITING);
    const others = await Promise.all(times(10, () => two.agent(from).get(`/tasks/${task}`)));
    expect(others.map(({ status }) => status)).toEqual(others.map(() => 200));

    const start = performance.now();
    await one.agent(from).post(`/tasks/${task}/cancel`, {});
    const results = await Promise.all(waiting);
    expect(performance.now() - start).toBeLessThan(patient(SOON_MS));
    for (const result of results) {
      expect(result).toMatchObject(
        'events' in result
          ? { events: [{ type: 'task.cancelled', subject: task }] }
          : { task_status: 'cancelled', task_id: task },
      );
    }
    await waitingAt(two, 0);
    await agent.close();
  });

  it('return the present state when the controller stops', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const mesh = await startTestApp({ databaseUrl: one.databaseUrl });
    const task = await routeTask(one, from, to);
    await untilSequenced(mesh);
    const agent = await agentAt(mesh, from);
    const waiting = [
      agent.does('fetch_status', { id: task, wait_seconds: 25 }),
      agent.does('wait_for_event', { wait_seconds: 25 }),
    ];
    await waitingAt(mesh, waiting.length);
    const start = performance.now();
    const closing = mesh.close();
    const [status, page] = await Promise.all(waiting);
    expect(performance.now() - start).toBeLessThan(patient(SOON_MS));
    expect(status).toMatchObject({ status: 'pending' });
    expect(page).toMatchObject({ events: [] });
    await closing;
  });
});
