import { beforeAll, describe, expect, it } from '@jest/globals';
import { McpAgents } from '../../support/mcp.js';
import { Client } from '../../support/client.js';
import { tokenFor } from '../../support/app.js';
import { useSharedApp } from '../../support/kit.js';

interface Refused {
  errors: { pointer: string }[];
}

const BAD_TIMES = [
  'now',
  '2036-01-31',
  '2036-01-31T12:00:00',
  '2036-01-31 12:00:00Z',
  '2036-01-31T24:00:00Z',
  '2036-02-30T12:00:00Z',
  '2036-01-31T12:00:60Z',
  '2036-01-31T12:00:00+24:00',
  '2036-01-31t12:00:00z',
  '0000-01-01T00:00:00Z',
];

const event = { source: 'test', category: 'policy', action: 'evaluated' };

/** Each place that takes a time. */
const PLACES: [pointer: string, path: string, bodyWith?: (time: string) => unknown][] = [
  ...['deadline_at', 'not_before'].map(
    (name) =>
      [
        `/${name}`,
        '/tasks/route',
        (time: string) => ({ target: 'a', task: { task_type: 'b' }, [name]: time }),
      ] satisfies (typeof PLACES)[0],
  ),
  ['/timestamp', '/audit/ingest', (timestamp) => ({ ...event, timestamp })],
  ['?created_since', '/tasks'],
  ['?from', '/audit/events'],
  ['?to', '/audit/events'],
];

describe('times', () => {
  const mesh = useSharedApp();
  let finance: Client;

  beforeAll(() => {
    finance = new Client(mesh.url, tokenFor('finance'));
  });

  const send = ([pointer, path, bodyWith]: (typeof PLACES)[0], time: string) =>
    bodyWith
      ? finance.post<Refused>(path, bodyWith(time))
      : finance.get<Refused>(`${path}?${pointer.slice(1)}=${encodeURIComponent(time)}`);

  describe.each(PLACES)('%s of %s', (...place) => {
    it.each(BAD_TIMES)('are not %s', async (time) => {
      const answer = await send(place, time);
      expect(answer.status).toBe(400);
      expect(answer.body.errors.map(({ pointer }) => pointer)).toEqual([place[0]]);
    });

    it.each([
      '2036-01-31T12:00:00Z',
      '2036-01-31T12:00:00.123456789012345Z',
      '2036-01-31T12:00:00-23:59',
      '2035-12-31T23:59:60Z',
    ])('are %s', async (time) => {
      expect((await send(place, time)).status).toBeLessThan(300);
    });
  });

  it('are stored with microseconds', async () => {
    const routed = await finance.post<{ task_id: string }>('/tasks/route', {
      target: 'a',
      task: { task_type: 'b' },
      deadline_at: '2036-01-31T12:00:00.1239999+05:30',
    });
    const { deadline_at } = (await finance.get(`/tasks/${routed.body.task_id}`)).body;
    expect(deadline_at).toBe('2036-01-31T06:30:00.123Z');
  });

  it('are parsed alike in arguments of tools', async () => {
    const agents = new McpAgents('http', mesh.url);
    const agent = await agents.agent(tokenFor('finance'));
    const send = (deadline_at: string) =>
      agent.call('send_task', { target: 'a', task_type: 'b', deadline_at });
    const codes = [];
    for (const time of BAD_TIMES) codes.push((await send(time)).code);
    const good = await send('2036-01-31T12:00:00.5+05:30');
    await agent.close();
    await agents.close();

    expect(new Set(codes)).toEqual(new Set(['request.invalid']));
    expect(good.isError).toBe(false);
  });
});
