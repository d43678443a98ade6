import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { type EventPage, readEvents, untilSequenced } from '../../support/events.js';
import { times } from '../../support/kit.js';
import { TRANSPORTS } from '../../support/mcp.js';
import { useToolAgents } from '../../support/mcp-tools.js';
import { patient } from '../../support/patience.js';
import { waitingAt } from '../../support/waiting.js';

/** The most events of a result. */
const LIMIT = 25;
const MAX_RESULT_BYTES = 256 * 1024;
const SENT = 10;

describe.each(TRANSPORTS)('wait_for_event over %s', (transport) => {
  const tools = useToolAgents(transport);

  const waitForEvent = (args: Record<string, unknown> = {}) =>
    tools.requester.does<EventPage>('wait_for_event', { wait_seconds: 25, ...args });

  const report = (count: number, text = '') =>
    tools.requesterHttp.post(
      '/audit/ingest',
      times(count, () => ({ source: 'x', category: 'a', action: 'b', metadata: { text } })),
    );

  it('returns the next event without a cursor, as a CloudEvent', async () => {
    await tools.send();
    await untilSequenced(tools.mesh);
    const waiting = tools.requester.call<EventPage>('wait_for_event', { wait_seconds: 25 });
    await waitingAt(tools.mesh, 1);
    const { task_id } = await tools.send();
    const { content, text } = await waiting;

    expect(content).toMatchObject({
      events: [{ specversion: '1.0', type: 'task.routed', subject: task_id, role: tools.finance }],
    });
    expect(content.next).toMatch(/^\d+\.\d+$/);
    expect(text).toContain(`call again with after ${content.next}`);
    expect(text).toContain(`task.routed ${task_id} by ${tools.finance}`);
  });

  it('returns every event once and in order to a caller that passes next', async () => {
    const from = (await waitForEvent({ wait_seconds: 0 })).next;
    const work = async () => {
      await tools.send();
      const { session_id } = await tools.claim();
      await tools.worker.does('complete_task', { session_id, result: {} });
    };
    const working = Promise.all(times(SENT, work));
    const received: string[] = [];
    let page = await waitForEvent({ after: from });
    for (let isOver = false; !isOver;) {
      received.push(...page.events.map(({ id }) => id));
      isOver = received.length >= 3 * SENT;
      if (!isOver) page = await waitForEvent({ after: page.next });
    }
    await working;
    await untilSequenced(tools.mesh);

    const expected = await readEvents(tools.requesterHttp, from);
    expect(received).toEqual(expected.map(({ id }) => id));
    expect(expected).toHaveLength(3 * SENT);
  });

  it('selects types and a task', async () => {
    const [one, other] = [await tools.send(), await tools.send()];
    const { session_id } = await tools.claim({ task_id: one.task_id });
    await tools.worker.does('complete_task', { session_id, result: {} });
    await untilSequenced(tools.mesh);
    const typesOf = async (args: Record<string, unknown>) =>
      (await waitForEvent({ after: '0', wait_seconds: 0, ...args })).events.map(({ type }) => type);

    expect(await typesOf({ task_id: one.task_id })).toEqual([
      'task.routed',
      'task.claimed',
      'session.transitioned',
    ]);
    expect(await typesOf({ task_id: other.task_id })).toEqual(['task.routed']);
    const types = ['task.claimed', 'session.transitioned'];
    expect(await typesOf({ types })).toEqual(types);
    expect(await typesOf({ types: JSON.stringify(types) })).toEqual(types);
  });

  it('returns no event when the time is up, after 3 seconds by default', async () => {
    const start = performance.now();
    const page = await tools.requester.does<EventPage>('wait_for_event');
    expect(page).toMatchObject({ events: [], next: page.head });
    expect(performance.now() - start).toBeGreaterThan(2_900);
    expect(performance.now() - start).toBeLessThan(patient(4_900));
  });

  it('bounds the number of events, and their metadata', async () => {
    const from = (await waitForEvent({ wait_seconds: 0 })).next;
    expect((await report(LIMIT + 5, 'x'.repeat(20_000))).status).toBe(202);
    await untilSequenced(tools.mesh);
    const result = await tools.requester.client.callTool({
      name: 'wait_for_event',
      arguments: { after: from },
    });
    expect(JSON.stringify(result).length).toBeLessThan(MAX_RESULT_BYTES);
    const { events, next } = result.structuredContent as EventPage;
    expect(events).toHaveLength(LIMIT);
    expect(events[0]?.data).toMatchObject({ metadata: null, cut: ['metadata'] });
    expect(JSON.stringify(result.content)).toContain('More events can follow at once');
    expect((await waitForEvent({ after: next })).events).toHaveLength(5);
  });

  it('ends the wait when the client cancels the call', async () => {
    const cancel = new AbortController();
    const call = { name: 'wait_for_event', arguments: { wait_seconds: 25 } };
    const waiting = tools.requester.client.callTool(call, { signal: cancel.signal });
    const refused = expect(waiting).rejects.toThrow();
    await waitingAt(tools.mesh, 1);
    cancel.abort();
    await refused;
    await waitingAt(tools.mesh, 0);
  });

  it.each<[Record<string, unknown>, string, string]>([
    [{ after: 'yesterday' }, 'events.cursor_invalid', 'Pass next of an earlier result as after'],
    [{ after: '1.999999999' }, 'events.cursor_gone', 'Call again with that cursor as after'],
    [{ types: ['x'] }, 'request.invalid', '/types'],
    [{ wait_seconds: 26 }, 'request.invalid', 'arguments/wait_seconds'],
    [{ limit: 5 }, 'request.invalid', 'limit'],
  ])('refuses %j', async (args, code, text) => {
    const refused = await tools.requester.call('wait_for_event', args);
    expect(refused.code).toBe(code);
    expect(refused.text).toContain(text);
  });

  it('continues after the cursor that the error of a cursor beyond the log contains', async () => {
    const { text } = await tools.requester.call('wait_for_event', { after: '1.999999999' });
    const after = /after (\d+\.\d+)/.exec(text)?.[1];
    expect(await waitForEvent({ after, wait_seconds: 0 })).toMatchObject({ events: [] });
  });

  it('refuses the task of other roles, with advice', async () => {
    const { task_id } = await tools.send();
    const stranger = await tools.agent(tokenFor(newSubject('legal'), newSubject('legal')));
    const refused = await stranger.call('wait_for_event', { task_id, wait_seconds: 25 });
    expect(refused.code).toBe('events.filter_forbidden');
    expect(refused.text).toContain('Pass a task_id that you can read');
    await stranger.close();
  });
});
