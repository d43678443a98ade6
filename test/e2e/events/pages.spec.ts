import { beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EventPage, readEvents, untilSequenced } from '../../support/events.js';
import { expectProblem, routeTask, useApp } from '../../support/kit.js';
import { patient } from '../../support/patience.js';
import { waitingAt } from '../../support/waiting.js';

interface Audited {
  events: { id: string }[];
}

describe('GET /events', () => {
  const mesh = useApp();
  let task: string;

  beforeAll(async () => {
    task = await routeTask(mesh, 'finance', 'manager');
    await routeTask(mesh, 'sales', 'legal');
    await mesh.agent('manager').post('/tasks/claim');
    await mesh.agent('legal').post('/audit/ingest', { source: 's', category: 'c', action: 'a' });
    await untilSequenced(mesh);
  });

  it('returns the events that the audit log shows to the caller, in the order of the log', async () => {
    for (const role of ['finance', 'manager', 'sales', 'legal', 'hr', 'auditor', 'admin']) {
      const caller = mesh.agent(role);
      const events = await readEvents(caller);
      const { body } = await caller.get<Audited>('/audit/events?page_size=100');

      expect([role, events.map(({ id }) => id).sort()]).toEqual([
        role,
        body.events.map(({ id }) => id).sort(),
      ]);
      const order = events.map(({ sequence }) => Number(sequence));
      expect(order).toEqual([...order].sort((one, other) => one - other));
    }
  });

  it('returns CloudEvents', async () => {
    const [event] = await readEvents(mesh.agent('finance'));

    expect(event).toEqual({
      specversion: '1.0',
      id: expect.any(String),
      source: 'urn:agent-mesh-controller',
      type: expect.stringMatching(/^[a-z]+\.[a-z_]+$/),
      subject: task,
      time: expect.stringMatching(/Z$/),
      datacontenttype: 'application/json',
      sequence: '1',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      role: 'finance',
      data: expect.objectContaining({ task_id: task.replace('task-', ''), approval_id: null }),
    });
  });

  it('filters by type, task and trace', async () => {
    const auditor = mesh.agent('auditor');
    const types = (await readEvents(auditor, '0', '&types=task.routed,task.claimed')).map(
      ({ type }) => type,
    );
    expect([...new Set(types)].sort()).toEqual(['task.claimed', 'task.routed']);

    const ofTask = await readEvents(auditor, '0', `&task_id=${task}`);
    expect(new Set(ofTask.map(({ subject }) => subject))).toEqual(new Set([task]));
    const trace = String(ofTask[0]?.data.trace_id);
    const ofTrace = await readEvents(auditor, '0', `&trace_id=${trace}`);
    expect(ofTrace).toEqual(ofTask);
  });

  it('continues after a cursor without gap or repetition, in pages of any size', async () => {
    const auditor = mesh.agent('auditor');
    const all = await readEvents(auditor);
    const seen: string[] = [];
    let after = '0';
    do {
      const { body } = await auditor.get<EventPage>(`/events?after=${after}&limit=1`);
      seen.push(...body.events.map(({ id }) => id));
      after = body.next;
      if (body.next === body.head) break;
    } while (seen.length < 100);

    expect(seen).toEqual(all.map(({ id }) => id));
  });

  it('waits for the next event', async () => {
    const auditor = mesh.agent('auditor');
    const { body } = await auditor.get<EventPage>('/events?limit=1');
    const start = performance.now();
    const waiting = auditor.get<EventPage>(`/events?after=${body.head}&wait_seconds=20`);
    await waitingAt(mesh, 1);
    const routed = await routeTask(mesh, 'finance', 'manager');
    const answer = await waiting;

    expect(answer.body.events[0]).toMatchObject({ subject: routed });
    expect(performance.now() - start).toBeLessThan(patient(10_000));
  });

  it('starts at the end of the log with after=head', async () => {
    const auditor = mesh.agent('auditor');
    await untilSequenced(mesh);
    const { body } = await auditor.get<EventPage>('/events?after=head');
    expect(body).toEqual({ events: [], next: body.head, head: body.head });
    const waiting = auditor.get<EventPage>('/events?after=head&wait_seconds=20');
    await waitingAt(mesh, 1);
    // The request counts as waiting before it has read the head.
    await sleep(300);
    const routed = await routeTask(mesh, 'finance', 'manager');
    expect((await waiting).body.events[0]).toMatchObject({ subject: routed });
  });

  it('returns no event when none follows in time', async () => {
    await untilSequenced(mesh);
    const hr = mesh.agent('hr');
    const { body } = await hr.get<EventPage>('/events?wait_seconds=1');

    expect(body.events).toEqual([]);
    expect(body.next).toBe(body.head);
  });

  it.each([
    ['after=abc', 400, 'events.cursor_invalid'],
    ['after=1.1.1', 400, 'events.cursor_invalid'],
    ['after=-1', 400, 'events.cursor_invalid'],
    ['after=99.1', 410, 'events.cursor_gone'],
    ['after=1.999999', 410, 'events.cursor_gone'],
    ['limit=0', 400, 'request.invalid'],
    ['limit=501', 400, 'request.invalid'],
    ['wait_seconds=26', 400, 'request.invalid'],
    ['types=nonsense', 400, 'request.invalid'],
    ['task_id=x', 400, 'request.invalid'],
    ['trace_id=x', 400, 'request.invalid'],
    ['unknown=x', 400, 'request.invalid'],
  ])('answers ?%s with %i %s', async (query, status, code) => {
    expectProblem(await mesh.agent('auditor').get(`/events?${query}`), status, code);
    if (!/limit|wait/.test(query)) {
      expectProblem(await mesh.agent('auditor').get(`/events/stream?${query}`), status, code);
    }
  });

  it('names the cursor from which a reader can continue', async () => {
    const { body } = await mesh.agent('auditor').get('/events?after=1.999999');

    const next = await mesh.agent('auditor').get(`/events?after=${String(body.oldest)}`);
    expect(next.status).toBe(200);
  });

  it('refuses the filter of a task that the caller cannot read, whether it exists or not', async () => {
    for (const id of [task, randomUUID()]) {
      const answer = await mesh.agent('sales').get(`/events?task_id=${id}`);
      expectProblem(answer, 403, 'events.filter_forbidden');
    }
  });
});

describe('GET /events after a restore', () => {
  const mesh = useApp();

  it('accepts cursors of the epoch before up to its end, and no later ones', async () => {
    await routeTask(mesh, 'finance', 'manager');
    await untilSequenced(mesh);
    const auditor = mesh.agent('auditor');
    const { body: before } = await auditor.get<EventPage>('/events');
    await mesh.query(`UPDATE event_log_head SET origin = 'another cluster'`);
    const routed = await routeTask(mesh, 'finance', 'manager');
    await untilSequenced(mesh);

    const { body } = await auditor.get<EventPage>(`/events?after=${before.head}`);
    expect(body.events[0]).toMatchObject({ subject: routed });
    expect(body.next).toMatch(/^2\./);

    const beyond = `1.${Number(before.head.slice(2)) + 1}`;
    const gone = await auditor.get(`/events?after=${beyond}`);
    expectProblem(gone, 410, 'events.cursor_gone');
    expect(gone.body.oldest).toBe(before.head.replace('1.', '2.'));
  });
});
