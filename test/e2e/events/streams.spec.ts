import { afterEach, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { readEvents, StreamReader, untilSequenced } from '../../support/events.js';
import { until } from '../../support/eventually.js';
import { expectProblem, routeTask, times, useApp, useTwoApps } from '../../support/kit.js';
import { metrics } from '../../support/work.js';

const TYPES = ['task.routed', 'task.claimed', 'session.created', 'attempt.opened'];

describe('GET /events/stream', () => {
  const [mesh, other] = useTwoApps({});
  const readers: StreamReader[] = [];

  afterEach(() => {
    for (const reader of readers.splice(0)) reader.close();
  });

  async function read(
    role: string,
    query = '',
    app: { url: string } = mesh,
  ): Promise<StreamReader> {
    const url = `${app.url}/events/stream${query}`;
    const reader = new StreamReader(url, tokenFor(role, `${role}-${Math.random()}`), TYPES);
    readers.push(reader);
    await reader.untilOpen();
    return reader;
  }

  it('delivers events of every instance to the readers of every instance, in one order', async () => {
    const [one, two] = [await read('auditor'), await read('auditor', '', other)];
    for (const app of [mesh, other, mesh]) await routeTask(app, 'finance', 'manager');
    await untilSequenced(mesh);
    const all = await readEvents(mesh.agent('auditor'));
    await Promise.all([one.untilCount(all.length), two.untilCount(all.length)]);

    const ids = all.map(({ id }) => id);
    expect(one.events.map(({ event }) => event.id)).toEqual(ids);
    expect(two.events.map(({ event }) => event.id)).toEqual(ids);
  });

  it('starts after a cursor, with the events that the caller may read', async () => {
    await routeTask(mesh, 'sales', 'legal');
    await untilSequenced(mesh);
    const expected = await readEvents(mesh.agent('sales'));
    const reader = await read('sales', '?after=0');
    await reader.untilCount(expected.length);

    expect(reader.events.map(({ event }) => event)).toEqual(expected);
    const hr = await read('hr', '?after=0');
    await routeTask(mesh, 'hr', 'legal');
    await hr.untilCount(1);
    expect(hr.events[0]?.event.role).toBe('hr');
  });

  it('continues with Last-Event-ID, which takes precedence over after', async () => {
    await untilSequenced(mesh);
    const all = await readEvents(mesh.agent('auditor'));
    const response = await mesh
      .agent('auditor')
      .open('/events/stream?after=0', { 'last-event-id': `1.${all.length - 1}` });
    const chunks: string[] = [];
    for await (const chunk of response.body ?? []) {
      chunks.push(Buffer.from(chunk as Uint8Array).toString());
      if (chunks.join('').includes('data:')) break;
    }

    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const text = chunks.join('');
    expect(text.match(/^id: (.*)$/m)?.[1]).toBe(`1.${all.length}`);
    expect(text).toContain(all.at(-1)?.id);
  });

  it('refuses a sixth stream of one subject, and accepts it after one has closed', async () => {
    const agent = mesh.agent('auditor', 'busy');
    const open = await Promise.all(Array.from({ length: 5 }, () => agent.open('/events/stream')));
    expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const refused = await agent.get('/events/stream');
    expectProblem(refused, 429, 'events.too_many_streams');
    expect(refused.headers.get('retry-after')).toBe('5');

    await open[0]?.body?.cancel();
    await until(async () => {
      const response = await agent.open('/events/stream');
      await response.body?.cancel();
      return response.status === 200;
    });
    for (const { body } of open.slice(1)) await body?.cancel();
  });
});

describe('GET /events/stream with EVENTS_MAX_STREAMS', () => {
  const LIMIT = 4;
  const mesh = useApp({ env: { EVENTS_MAX_STREAMS: String(LIMIT) } });

  const open = () => mesh.agent('auditor', newSubject('auditor')).open('/events/stream');

  it('refuses more streams with 503 before they start, and accepts one after another has ended', async () => {
    const responses = await Promise.all(times(3 * LIMIT, open));
    const opened = responses.filter(({ status }) => status === 200);
    expect(opened).toHaveLength(LIMIT);
    const refused = responses.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(2 * LIMIT);
    for (const response of refused) {
      expect(response.headers.get('content-type')).toContain('application/problem+json');
      expect(response.headers.get('retry-after')).toBe('5');
      expect(await response.json()).toMatchObject({ code: 'server.overloaded' });
    }
    const auditor = mesh.agent('auditor');
    expect((await auditor.get('/events?wait_seconds=1&after=head')).status).toBe(200);
    expect((await metrics(mesh))('mesh_event_streams')).toBe(LIMIT);

    await opened[0]?.body?.cancel();
    await until(async () => {
      const response = await open();
      await response.body?.cancel();
      return response.status === 200;
    });
    for (const { body } of opened.slice(1)) await body?.cancel();
  });

  it('gives the place of a refused cursor back', async () => {
    await until(async () => (await metrics(mesh))('mesh_event_streams') === 0);
    const statuses = await Promise.all(
      times(3 * LIMIT, async () => {
        const auditor = mesh.agent('auditor', newSubject('auditor'));
        return (await auditor.get('/events/stream?after=1.999999')).status;
      }),
    );
    expect(statuses).toContain(410);
    await until(async () => (await metrics(mesh))('mesh_event_streams') === 0);
  });
});

describe('GET /events/stream at the shutdown of the controller', () => {
  const mesh = useApp();

  it('ends with the reason', async () => {
    const reader = new StreamReader(
      `${mesh.url}/events/stream`,
      tokenFor('auditor', 'late'),
      TYPES,
    );
    await reader.untilOpen();
    const closing = mesh.app.close();
    await until(() => reader.ends.length > 0);
    reader.close();
    await closing;

    expect(reader.ends).toEqual(['shutdown']);
  });
});
