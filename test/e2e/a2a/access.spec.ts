import { describe, expect, it } from '@jest/globals';
import { useA2aMesh } from '../../support/a2a.js';
import { Client } from '../../support/client.js';
import { routesOf } from '../../support/policy-routes.js';
import { metrics } from '../../support/work.js';

describe('Access to A2A agents', () => {
  const shared = useA2aMesh();

  it('has an action of the policy for each route', () => {
    const routes = routesOf(shared.one.app).filter(({ policy }) =>
      policy?.actions.some((action) => action.startsWith('a2a.')),
    );

    expect(routes.map(({ name, policy }) => [name, policy?.actions])).toEqual([
      ['GET /.well-known/agent-card.json', ['a2a.discover']],
      ['GET /a2a/:role/.well-known/agent-card.json', ['a2a.discover']],
      ['GET /a2a/:role/.well-known/jwks.json', ['a2a.discover']],
      ['POST /a2a/:role', ['a2a.call']],
      ['ALL /a2a/:role/v1/*path', ['a2a.call']],
    ]);
  });

  it('requires a token, except for the cards and their keys', async () => {
    const stranger = new Client(shared.one.url);
    const statuses = await Promise.all(
      [
        stranger.get('/.well-known/agent-card.json'),
        stranger.get('/a2a/manager/.well-known/agent-card.json'),
        stranger.get('/a2a/manager/.well-known/jwks.json'),
        stranger.post('/a2a/manager', {}),
        stranger.get('/a2a/manager'),
        stranger.get('/a2a/manager/v1/tasks'),
        stranger.post('/a2a/manager/v1/message:send', {}),
      ].map(async (answer) => (await answer).status),
    );

    expect(statuses).toEqual([200, 200, 200, 401, 401, 401, 401]);
  });

  it('is counted by operation and outcome', async () => {
    const name = (outcome: string): string =>
      `mesh_a2a_requests_total{binding="rest",operation="GetTask",outcome="${outcome}"}`;
    const before = await metrics(shared.one);
    const finance = shared.caller('rest');
    const { id } = await finance.send('Work');
    await finance.call('GetTask', { id });
    await finance.call('GetTask', { id: 'none' });
    const after = await metrics(shared.one);

    expect(after(name('ok'))).toBe(before(name('ok')) + 1);
    expect(after(name('task_not_found'))).toBe(before(name('task_not_found')) + 1);
    await finance.call('CancelTask', { id });
  });

  it('is counted by the operation of a request that is refused, and as none without one', async () => {
    const names = ['ListTasks', 'none'].map(
      (operation) =>
        `mesh_a2a_requests_total{binding="jsonrpc",operation="${operation}",outcome="${operation === 'none' ? 'method_not_found' : 'invalid_params'}"}`,
    );
    const before = await metrics(shared.one);
    const finance = shared.caller('jsonrpc');
    await finance.call('ListTasks', { pageSize: 0 });
    await finance.call('message/send', {});
    const after = await metrics(shared.one);

    expect(names.map((name) => after(name) - before(name))).toEqual([1, 1]);
  });
});
