import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/auth/actor.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { LifecycleService } from '../../../src/lifecycle/lifecycle.service.js';
import type { Session } from '../../../src/sessions/session.entity.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';

interface SessionBody {
  id: string;
  status: string;
  version: number;
  claimed_by: string | null;
  metadata: Record<string, unknown>;
}

interface PageBody {
  sessions: SessionBody[];
  total?: number;
  page?: number;
  page_size: number;
  next_cursor: string | null;
}

interface EventRow {
  event_type: string;
  role: string;
  actor: string;
  metadata: Record<string, unknown>;
}

const STATUSES = ['pending', 'active', 'completed', 'failed', 'expired'] as const;
type Status = (typeof STATUSES)[number];

/** The lifecycle as the contract has it, written out again on purpose. */
const ALLOWED: Record<Status, readonly Status[]> = {
  pending: ['active', 'expired'],
  active: ['completed', 'failed', 'expired'],
  completed: [],
  failed: [],
  expired: [],
};

/** With `If-None-Match` fetch asks caches not to answer, by a header that asks us for the whole answer too. */
async function getUnlessMatch(url: string, token: string, tag: string) {
  const call = request(url, {
    headers: { authorization: `Bearer ${token}`, 'if-none-match': tag },
  });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return { status: response.statusCode, etag: response.headers.etag, text: await text(response) };
}

describe('sessions', () => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const agent = (roles: string | string[], sub?: string) =>
    new Client(mesh.url, tokenFor(roles, sub ?? newSubject('agent')));
  const subject = (sub: string) => `agent-mesh-dev#${sub}`;

  async function newSession(client: Client, role: string, extra: object = {}) {
    const answer = await client.post<SessionBody>('/sessions', { role, ...extra });
    expect(answer.status).toBe(201);
    return answer.body;
  }

  async function newTask(fromRole: string, toRole: string): Promise<string> {
    const routed = await agent(fromRole).post<{ task_id: string }>('/tasks/route', {
      target: toRole,
      task: { task_type: 'approval' },
    });
    expect(routed.status).toBe(202);
    return routed.body.task_id;
  }

  /** A session of a role, brought into a status by the agent that holds it. */
  async function sessionIn(status: Status, client: Client, role: string): Promise<SessionBody> {
    const session = await newSession(client, role);
    if (status === 'pending') return session;
    if (status !== 'expired') await client.put(`/sessions/${session.id}`, { status: 'active' });
    if (status !== 'active') await client.put(`/sessions/${session.id}`, { status });
    const { body } = await client.get<SessionBody>(`/sessions/${session.id}`);
    expect(body.status).toBe(status);
    return body;
  }

  const eventsOf = (sessionId: string) =>
    mesh.query<EventRow>(
      `SELECT event_type, role, actor, metadata FROM audit_events
        WHERE session_id = $1 ORDER BY timestamp, id`,
      [sessionId],
    );

  function expectProblem(answer: Answer, status: number, code: string): void {
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  }

  const statusesOf = (answers: Answer[]) => answers.map(({ status }) => status).sort();
  const losers = (count: number, status: number) => Array.from({ length: count }, () => status);

  describe('are begun', () => {
    it.each(['change', 'changeWithCommit'] as const)(
      'that have moved on are not changed by %s, and nothing is told of them',
      async (way) => {
        const client = agent('finance');
        const { id } = await newSession(client, 'finance');
        const [row] = await mesh.query<Session>(`SELECT * FROM sessions WHERE id = $1`, [id]);
        if (!row) throw new Error('it is stored');
        await client.put(`/sessions/${id}`, { metadata: { moved: 'on' } });
        const told = () => mesh.query(`SELECT id FROM audit_events WHERE session_id = $1`, [id]);
        const before = await told();

        let tries = 0;
        const changed = mesh.app.get(TransactionsService).run((manager) => {
          tries += 1;
          return mesh.app.get(LifecycleService)[way](manager, row, { status: 'active' }, SYSTEM);
        });

        // Whoever looks again each time finds how it is now; this one never does.
        await expect(changed).rejects.toMatchObject({ code: 'database.unavailable' });
        expect(tries).toBe(3);
        expect(await told()).toEqual(before);
        expect((await client.get<SessionBody>(`/sessions/${id}`)).body.status).toBe('pending');
      },
    );

    it('for a role that the caller holds, pending, at version 1, with one event', async () => {
      const sub = newSubject('maker');
      const made = await agent('manager', sub).post('/sessions', {
        role: 'manager',
        metadata: { step: 1 },
      });
      expect(made.status).toBe(201);
      expect(made.body).toMatchObject({
        role: 'manager',
        agent_role: 'manager',
        status: 'pending',
        state: 'pending',
        task_id: null,
        attempt: null,
        metadata: { step: 1 },
        version: 1,
        created_by: subject(sub),
        claimed_by: null,
        ended_reason: null,
        trace_id: made.headers.get('x-trace-id'),
      });
      expect(made.body.session_id).toBe(made.body.id);
      expect(made.headers.get('etag')).toBe(`"${String(made.body.id)}.1"`);
      expect(await eventsOf(String(made.body.id))).toMatchObject([
        { event_type: 'session_created', role: 'manager', actor: subject(sub) },
      ]);
    });

    it('by agents that say agent_role', async () => {
      const made = await agent('manager').post('/sessions', { agent_role: 'manager' });
      expect(made.status).toBe(201);
      expect(made.body).toMatchObject({ role: 'manager', agent_role: 'manager' });
    });

    it('with both names of the role when they agree, not when they differ', async () => {
      const both = agent(['manager', 'finance']);
      const same = await both.post('/sessions', { role: 'manager', agent_role: 'manager' });
      expect(same.status).toBe(201);
      const differing = await both.post('/sessions', { role: 'manager', agent_role: 'finance' });
      expectProblem(differing, 400, 'request.invalid');
    });

    it.each([{}, { role: '' }, { role: 7 }, { role: null }, { role: 'r'.repeat(51) }])(
      'only with a role: %j',
      async (body) => {
        expectProblem(await agent('manager').post('/sessions', body), 400, 'request.invalid');
      },
    );

    it('only for a role that the caller holds', async () => {
      const answer = await agent('manager').post('/sessions', { role: 'legal' });
      expectProblem(answer, 403, 'auth.role_not_held');
    });

    it('under an id of the caller’s choice, bare or prefixed, once', async () => {
      const id = randomUUID();
      const made = await newSession(agent('manager'), 'manager', { id: `session-${id}` });
      expect(made.id).toBe(id);
      for (const again of [id, id.toUpperCase(), `session-${id}`]) {
        const taken = await agent('legal').post('/sessions', { role: 'legal', id: again });
        expectProblem(taken, 409, 'session.exists');
      }
      expect(await eventsOf(id)).toHaveLength(1);
    });

    it.each(['nonsense', '', 7, 'task-11111111-1111-4111-8111-111111111111', ['x']])(
      'never under an id such as %j',
      async (id) => {
        const answer = await agent('manager').post('/sessions', { role: 'manager', id });
        expectProblem(answer, 400, 'request.invalid');
        expect(answer.body.errors).toMatchObject([{ pointer: '/id' }]);
      },
    );

    it('once, when 20 ask for the same id at the same time', async () => {
      const id = randomUUID();
      const answers = await Promise.all(
        losers(20, 0).map(() => agent('manager').post('/sessions', { role: 'manager', id })),
      );
      expect(statusesOf(answers)).toEqual([201, ...losers(19, 409)]);
      expect(await eventsOf(id)).toHaveLength(1);
    });

    it('as plain sessions beside a task that the role takes part in', async () => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      const task = await newTask(from, to);
      const made = await agent(from).post('/sessions', { role: from, task_id: task });
      expect(made.status).toBe(201);
      expect(made.body).toMatchObject({ task_id: task.slice('task-'.length), attempt: null });
      expect((await agent(from).get(`/sessions/${task}`)).body).toMatchObject({ attempt: 1 });
    });

    it('not beside a task that is missing or somebody else’s', async () => {
      const role = newSubject('stranger');
      const foreign = await newTask(newSubject('from'), newSubject('to'));
      for (const task_id of [foreign, `task-${randomUUID()}`]) {
        const answer = await agent(role).post('/sessions', { role, task_id });
        expectProblem(answer, 404, 'task.not_found');
      }
    });

    it('not beside a task of another role that the caller holds', async () => {
      const [from, other] = [newSubject('from'), newSubject('other')];
      const task_id = await newTask(from, newSubject('to'));
      const answer = await agent([from, other]).post('/sessions', { role: other, task_id });
      expectProblem(answer, 404, 'task.not_found');
    });

    it('by taking up the pending attempt of a task that was sent to the role', async () => {
      const [from, to, sub] = [newSubject('from'), newSubject('to'), newSubject('worker')];
      const task = await newTask(from, to);
      const attempt = await agent(to).get<SessionBody>(`/sessions/${task}`);
      const adopted = await agent(to, sub).post<SessionBody>('/sessions', {
        agent_role: to,
        task_id: task,
        metadata: { by: 'v0.4' },
      });
      expect(adopted.status).toBe(201);
      expect(adopted.body).toMatchObject({
        id: attempt.body.id,
        status: 'pending',
        attempt: 1,
        version: 2,
        metadata: { by: 'v0.4' },
      });
      expect((await eventsOf(attempt.body.id)).slice(1)).toMatchObject([
        { event_type: 'session_adopted', role: to, actor: subject(sub) },
      ]);
    });

    it('not on an attempt that is active already', async () => {
      const [to, holder] = [newSubject('to'), newSubject('holder')];
      const task_id = await newTask(newSubject('from'), to);
      const { body } = await agent(to).get<SessionBody>(`/sessions/${task_id}`);
      await agent(to, holder).put(`/sessions/${body.id}`, { status: 'active' });
      const answer = await agent(to).post('/sessions', { role: to, task_id });
      expectProblem(answer, 409, 'session.claimed');
      expect(answer.body.detail).toContain(subject(holder));
    });

    it.each(['completed', 'failed', 'expired'])('not on a task that has %s', async (status) => {
      const to = newSubject('to');
      const task_id = await newTask(newSubject('from'), to);
      const worker = agent(to);
      const { body } = await worker.get<SessionBody>(`/sessions/${task_id}`);
      await worker.put(`/sessions/${body.id}`, { status: 'active' });
      await worker.put(`/sessions/${body.id}`, { status });
      const answer = await worker.post('/sessions', { role: to, task_id });
      expectProblem(answer, 409, 'task.finished');
    });
  });

  describe('are read', () => {
    it('by their id, bare, prefixed, in capitals, and by the id of their task', async () => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      const task = await newTask(from, to);
      const { body } = await agent(to).get<SessionBody>(`/sessions/${task}`);
      const bareTask = task.slice('task-'.length);
      for (const id of [body.id, `session-${body.id}`, body.id.toUpperCase(), task, bareTask]) {
        for (const role of [from, to]) {
          const answer = await agent(role).get<SessionBody>(`/sessions/${id}`);
          expect(answer.status).toBe(200);
          expect(answer.body.id).toBe(body.id);
          expect(answer.headers.get('etag')).toBe(`"${body.id}.1"`);
        }
      }
    });

    it('never when they are missing or somebody else’s, which look the same', async () => {
      const mine = await newSession(agent('manager'), 'manager');
      const task = await newTask(newSubject('from'), newSubject('to'));
      const stranger = agent(newSubject('stranger'));
      const details = new Set<unknown>();
      for (const id of [mine.id, task, task.slice(5), randomUUID(), `task-${randomUUID()}`]) {
        const answer = await stranger.get(`/sessions/${id}`);
        expectProblem(answer, 404, 'session.not_found');
        details.add(answer.body.detail);
      }
      expect(details.size).toBe(1);
    });

    it('not by what is prefixed as something else', async () => {
      const reader = agent('manager');
      const session = await newSession(reader, 'manager');
      expectProblem(await reader.get(`/sessions/task-${session.id}`), 404, 'session.not_found');
      expectProblem(await reader.get(`/sessions/approval-${session.id}`), 400, 'request.invalid');
    });

    it('not again by a client that has the present version', async () => {
      const reader = agent('manager');
      const { id } = await newSession(reader, 'manager');
      const tag = `"${id}.1"`;
      const get = () => getUnlessMatch(`${mesh.url}/sessions/${id}`, tokenFor('manager'), tag);
      expect(await get()).toEqual({ status: 304, etag: tag, text: '' });
      await reader.put(`/sessions/${id}`, { status: 'active' });
      expect(await get()).toMatchObject({ status: 200, etag: `"${id}.2"` });
    });
  });

  describe('are listed', () => {
    it('by page, the newest first, with a total', async () => {
      const role = newSubject('lister');
      const client = agent(role);
      const made: string[] = [];
      for (let i = 0; i < 5; i++) made.unshift((await newSession(client, role)).id);
      const first = await client.get<PageBody>('/sessions?page=1&page_size=2');
      expect(first.body).toMatchObject({ total: 5, page: 1, page_size: 2 });
      expect(first.body.sessions.map(({ id }) => id)).toEqual(made.slice(0, 2));
      const last = await client.get<PageBody>('/sessions?page=3&page_size=2');
      expect(last.body.sessions.map(({ id }) => id)).toEqual(made.slice(4));
      expect(last.body.next_cursor).toBeNull();
      const beyond = await client.get<PageBody>('/sessions?page=4&page_size=2');
      expect(beyond.body).toMatchObject({ sessions: [], total: 5, page: 4, next_cursor: null });
    });

    it('without any parameter as page 1 of 20', async () => {
      const role = newSubject('lister');
      const { body } = await agent(role).get<PageBody>('/sessions');
      expect(body).toEqual({ sessions: [], total: 0, page: 1, page_size: 20, next_cursor: null });
    });

    it('by cursor without a loss or a double, while rows of the same instant and newer ones come in', async () => {
      const role = newSubject('lister');
      const insert = (at: string) =>
        mesh.query<{ id: string }>(
          `INSERT INTO sessions (id, role, status, created_at, trace_id, created_by)
           SELECT gen_random_uuid(), $1, 'pending', ${at}, gen_random_uuid(), 'test'
             FROM generate_series(1, 13) n RETURNING id`,
          [role],
        );
      const old = [
        ...(await insert(`date_trunc('hour', now()) - interval '1 hour'`)),
        ...(await insert(
          `date_trunc('hour', now()) - interval '1 hour' + n * interval '1 microsecond'`,
        )),
      ].map(({ id }) => id);

      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const path =
          cursor === null ? '/sessions?page_size=4' : `/sessions?page_size=4&cursor=${cursor}`;
        const page: Answer<PageBody> = await agent(role).get<PageBody>(path);
        expect(page.status).toBe(200);
        seen.push(...page.body.sessions.map(({ id }) => id));
        cursor = page.body.next_cursor;
        await insert('now()');
      } while (cursor !== null);

      expect(new Set(seen).size).toBe(seen.length);
      expect(new Set(seen)).toEqual(new Set(old));
    });

    it('by cursor without a total', async () => {
      const role = newSubject('lister');
      const client = agent(role);
      for (let i = 0; i < 3; i++) await newSession(client, role);
      const first = await client.get<PageBody>('/sessions?page_size=2');
      const second = await client.get<PageBody>(
        `/sessions?page_size=2&cursor=${first.body.next_cursor ?? ''}`,
      );
      expect(second.body.sessions).toHaveLength(1);
      expect(second.body).not.toHaveProperty('total');
      expect(second.body).not.toHaveProperty('page');
    });

    it('by role, status and task, one filter or all', async () => {
      const [role, other, from] = [newSubject('lister'), newSubject('other'), newSubject('from')];
      const both = agent([role, other]);
      const task = await newTask(from, role);
      await newSession(both, role);
      await newSession(both, other);
      await sessionIn('active', both, role);
      const count = async (query: string) =>
        (await both.get<PageBody>(`/sessions?${query}`)).body.total;
      expect(await count('')).toBe(4);
      expect(await count(`role=${role}`)).toBe(3);
      expect(await count(`role=${role}&status=pending`)).toBe(2);
      expect(await count('status=active')).toBe(1);
      expect(await count(`task_id=${task}`)).toBe(1);
      expect(await count(`task_id=${task.slice(5)}&role=${role}&status=pending`)).toBe(1);
      expect(await count(`task_id=${task}&status=active`)).toBe(0);
      expect(await count(`role=${newSubject('nobody')}`)).toBe(0);
    });

    it('to their role, those of a task’s attempts to its participants, all to staff, none to strangers', async () => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      await newTask(from, to);
      await newSession(agent(to), to);
      const total = async (role: string) =>
        (await agent(role).get<PageBody>(`/sessions?role=${to}`)).body.total;
      expect(await total(to)).toBe(2);
      expect(await total(from)).toBe(1);
      expect(await total('admin')).toBe(2);
      expect(await total('auditor')).toBe(2);
      expect(await total(newSubject('stranger'))).toBe(0);
    });

    it.each([
      'page=0',
      'page=-1',
      'page=1e2',
      'page=1.5',
      'page=',
      'page=10001',
      'page=99999999999999999999',
      'page_size=0',
      'page_size=101',
      'page_size=ten',
      'page=1&page=2',
      'status=done',
      'status=',
      'status=pending&status=active',
      'role=',
      `role=${'r'.repeat(51)}`,
      'role=%00',
      'task_id=7',
      'cursor=nonsense',
      'cursor=',
      `cursor=${'A'.repeat(201)}`,
      `cursor=${Buffer.from("2026-13-01T00:00:00.000000Z|' OR 1=1").toString('base64url')}`,
      `cursor=${Buffer.from(`2026-02-31T00:00:00.000000Z|${randomUUID()}`).toString('base64url')}`,
      `cursor=${Buffer.from(`0000-01-01T00:00:00.000000Z|${randomUUID()}`).toString('base64url')}`,
      'unknown=1',
      'toString=1',
      'hasOwnProperty=1',
      '__proto__=1',
      'constructor=1',
      'page[]=1',
      'limit=5',
    ])('not with ?%s', async (query) => {
      expectProblem(await agent('manager').get(`/sessions?${query}`), 400, 'request.invalid');
    });

    it('not with a page and a cursor', async () => {
      const role = newSubject('lister');
      const client = agent(role);
      for (let i = 0; i < 2; i++) await newSession(client, role);
      const { body } = await client.get<PageBody>('/sessions?page_size=1');
      const answer = await client.get(
        `/sessions?page=1&page_size=1&cursor=${body.next_cursor ?? ''}`,
      );
      expectProblem(answer, 400, 'request.invalid');
    });
  });

  describe('change status', () => {
    for (const from of STATUSES) {
      for (const to of STATUSES.filter((status) => ALLOWED[from].includes(status))) {
        it(`from ${from} to ${to}, one version on, with one event`, async () => {
          const role = newSubject('worker');
          const client = agent(role);
          const before = await sessionIn(from, client, role);
          const events = (await eventsOf(before.id)).length;
          const answer = await client.put(`/sessions/${before.id}`, { status: to });
          expect(answer.status).toBe(200);
          expect(answer.body).toMatchObject({
            status: to,
            state: to,
            version: before.version + 1,
            ended_reason: to === 'active' ? null : to === 'completed' ? 'completed' : 'worker',
          });
          expect(answer.headers.get('etag')).toBe(`"${before.id}.${before.version + 1}"`);
          const after = await eventsOf(before.id);
          expect(after.slice(events)).toMatchObject([
            { event_type: 'session_transitioned', role, metadata: { from, to } },
          ]);
        });
      }
      for (const to of STATUSES.filter((status) => !ALLOWED[from].includes(status))) {
        const isNoOp = from === to && ALLOWED[from].length > 0;
        it(`from ${from} to ${to} ${isNoOp ? 'without an effect' : 'never'}`, async () => {
          const role = newSubject('worker');
          const client = agent(role);
          const before = await sessionIn(from, client, role);
          const events = await eventsOf(before.id);
          const answer = await client.put(`/sessions/${before.id}`, { status: to });
          if (isNoOp) expect(answer.status).toBe(200);
          else {
            expectProblem(answer, 409, 'lifecycle.invalid_transition');
            expect(answer.body.detail).toBe(`Invalid transition from ${from} to ${to}`);
          }
          expect((await client.get(`/sessions/${before.id}`)).body).toEqual(before);
          expect(await eventsOf(before.id)).toEqual(events);
        });
      }
    }

    it('by the old name of status, which must not differ from the new one', async () => {
      const client = agent('manager');
      const { id } = await newSession(client, 'manager');
      const differing = await client.put(`/sessions/${id}`, { status: 'active', state: 'failed' });
      expectProblem(differing, 400, 'request.invalid');
      const answer = await client.put(`/sessions/${id}`, { state: 'active' });
      expect(answer.body).toMatchObject({ status: 'active', version: 2 });
    });

    it('and the first to activate holds the session', async () => {
      const [role, first] = [newSubject('worker'), newSubject('first')];
      const { id } = await newSession(agent(role), role);
      const answer = await agent(role, first).put(`/sessions/${id}`, { status: 'active' });
      expect(answer.body.claimed_by).toBe(subject(first));
      const second = await agent(role).put(`/sessions/${id}`, { status: 'active' });
      expectProblem(second, 409, 'session.claimed');
      expect(second.body.detail).toContain(subject(first));
      expect((await agent(role).get(`/sessions/${id}`)).body).toMatchObject({ version: 2 });
    });

    it.each(['completed', 'failed', 'expired'])(
      'to %s by the holder or an admin, by no other agent of the role',
      async (status) => {
        const [role, holder] = [newSubject('worker'), newSubject('holder')];
        const sessions = [await newSession(agent(role), role), await newSession(agent(role), role)];
        for (const { id } of sessions)
          await agent(role, holder).put(`/sessions/${id}`, { status: 'active' });
        const [mine, stuck] = sessions.map(({ id }) => `/sessions/${id}`);
        const refused = await agent(role).put(mine ?? '', { status });
        expectProblem(refused, 409, 'session.claimed');
        expect(refused.body.detail).toContain(subject(holder));
        expect((await agent(role, holder).put(mine ?? '', { status })).status).toBe(200);
        const byAdmin = await agent('admin').put(stuck ?? '', { status });
        expect(byAdmin.body).toMatchObject({ status, claimed_by: subject(holder) });
      },
    );

    it('by an admin, whom the trail names as admin', async () => {
      const [role, sub] = [newSubject('worker'), newSubject('admin')];
      const { id } = await newSession(agent(role), role);
      await agent('admin', sub).put(`/sessions/${id}`, { status: 'active' });
      expect((await eventsOf(id)).at(-1)).toMatchObject({ role: 'admin', actor: subject(sub) });
    });

    it('never by an auditor, a participant of the task, or a stranger', async () => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      const task = await newTask(from, to);
      const { body } = await agent(to).get<SessionBody>(`/sessions/${task}`);
      const write = (role: string) => agent(role).put(`/sessions/${body.id}`, { status: 'active' });
      expectProblem(await write('auditor'), 403, 'auth.forbidden');
      expectProblem(await write(from), 403, 'auth.forbidden');
      expectProblem(await write(newSubject('stranger')), 404, 'session.not_found');
      const missing = await agent(to).put(`/sessions/${randomUUID()}`, { status: 'active' });
      expectProblem(missing, 404, 'session.not_found');
      expect(await eventsOf(body.id)).toHaveLength(1);
    });

    it('never by the id of a task, prefixed or, for those who may see it, bare', async () => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      const task = await newTask(from, to);
      for (const path of ['', '/events']) {
        const body = path === '' ? { status: 'active' } : { event: 'activate' };
        for (const id of [task, task.slice(5)]) {
          const answer = await agent(to).put(`/sessions/${id}${path}`, body);
          expectProblem(answer, 409, 'session.id_required');
        }
        const hidden = await agent(newSubject('stranger')).put(
          `/sessions/${task.slice(5)}${path}`,
          body,
        );
        expectProblem(hidden, 404, 'session.not_found');
      }
    });

    it('with a result only when completed, with an error only when failed', async () => {
      const client = agent('manager');
      const { id } = await newSession(client, 'manager');
      await client.put(`/sessions/${id}`, { status: 'active' });
      for (const body of [
        { result: { a: 1 } },
        { status: 'failed', result: { a: 1 } },
        { error: 'broken' },
        { status: 'completed', error: 'broken' },
        { status: 'completed', result: [1] },
        { status: 'completed', result: 'done' },
      ]) {
        expectProblem(await client.put(`/sessions/${id}`, body), 400, 'request.invalid');
      }
      const failed = await client.put(`/sessions/${id}`, { status: 'failed', error: 'No funds' });
      expect(failed.body).toMatchObject({ status: 'failed', error: 'No funds', result: null });
    });

    it('along with metadata and result, as one change', async () => {
      const client = agent('manager');
      const { id } = await newSession(client, 'manager');
      await client.put(`/sessions/${id}`, { status: 'active' });
      const done = await client.put(`/sessions/${id}`, {
        status: 'completed',
        metadata: { step: 'end' },
        result: { amount: 1 },
      });
      expect(done.body).toMatchObject({
        version: 3,
        metadata: { step: 'end' },
        result: { amount: 1 },
      });
      expect(await eventsOf(id)).toHaveLength(3);
    });

    it.each(['ACTIVATE', 'activate', 'AcTiVaTe'])('by the event %s', async (event) => {
      const client = agent('manager');
      const { id } = await newSession(client, 'manager');
      const answer = await client.put(`/sessions/${id}/events`, { event });
      expect(answer).toMatchObject({ status: 200, body: { status: 'active', version: 2 } });
      expect(answer.headers.get('etag')).toBe(`"${id}.2"`);
    });

    it.each([
      ['complete', 'completed'],
      ['fail', 'failed'],
    ])('by the event %s to %s', async (event, status) => {
      const client = agent('manager');
      const { id } = await sessionIn('active', client, 'manager');
      const answer = await client.put(`/sessions/${id}/events`, { event: event.toUpperCase() });
      expect(answer.body).toMatchObject({ status, state: status });
      const again = await client.put(`/sessions/${id}/events`, { event });
      expectProblem(again, 409, 'lifecycle.invalid_transition');
      expect(again.body.detail).toBe(`Invalid transition from ${status} to ${status}`);
    });

    it.each([{}, { event: 'expire' }, { event: '' }, { event: 7 }, { event: ['activate'] }])(
      'not by %j, and the answer still says “Invalid transition”',
      async (body) => {
        const client = agent('manager');
        const { id } = await newSession(client, 'manager');
        const answer = await client.put(`/sessions/${id}/events`, body);
        expectProblem(answer, 400, 'request.invalid');
        expect(answer.body.detail).toContain('Invalid transition');
      },
    );
  });

  describe('change otherwise', () => {
    it('their metadata, which is replaced as a whole, by any agent of the role', async () => {
      const role = newSubject('worker');
      const { id } = await newSession(agent(role), role, { metadata: { a: 1, b: 2 } });
      const answer = await agent(role).put(`/sessions/${id}`, { metadata: { c: 3 } });
      expect(answer.body).toMatchObject({ metadata: { c: 3 }, version: 2, status: 'pending' });
      expect(answer.body.metadata).toEqual({ c: 3 });
      expect((await eventsOf(id)).slice(1)).toMatchObject([
        { event_type: 'session_updated', metadata: { changed: ['metadata'], version: 2 } },
      ]);
    });

    it.each<object>([
      {},
      { metadata: [] },
      { metadata: 'x' },
      { metadata: 1 },
      { status: 'done' },
      { status: 7 },
      { task_id: 'x' },
      { role: 'legal' },
      { version: 9 },
      { toString: 'x' },
    ])('not by %j', async (body) => {
      const client = agent('manager');
      const { id } = await newSession(client, 'manager');
      expectProblem(await client.put(`/sessions/${id}`, body), 400, 'request.invalid');
      expect(await eventsOf(id)).toHaveLength(1);
    });

    it('their task, once, from none, to one that their role takes part in', async () => {
      const from = newSubject('from');
      const [task, other] = [await newTask(from, newSubject('to')), await newTask(from, 'legal')];
      const client = agent(from);
      const { id } = await newSession(client, from);
      const joined = await client.put(`/sessions/${id}`, { task_id: task });
      expect(joined.body).toMatchObject({ task_id: task.slice(5), attempt: null, version: 2 });
      expect((await eventsOf(id)).at(-1)).toMatchObject({
        event_type: 'session_updated',
        metadata: { changed: ['task_id'] },
      });
      const same = await client.put(`/sessions/${id}`, { task_id: task });
      expect(same.body).toMatchObject({ version: 2 });
      const moved = await client.put(`/sessions/${id}`, { task_id: other });
      expectProblem(moved, 409, 'session.task_set');
      expect((await client.get(`/sessions/${task}`)).body).toMatchObject({ status: 'pending' });
    });

    it('not to a task that is missing or somebody else’s', async () => {
      const client = agent('manager');
      const { id } = await newSession(client, 'manager');
      const foreign = await newTask(newSubject('from'), newSubject('to'));
      for (const task_id of [foreign, randomUUID()]) {
        const answer = await client.put(`/sessions/${id}`, { task_id });
        expectProblem(answer, 404, 'task.not_found');
      }
    });

    it('only from the version that the caller names', async () => {
      const client = agent('manager');
      const { id } = await newSession(client, 'manager');
      const put = (tag: string, step: number) =>
        client.put(`/sessions/${id}`, { metadata: { step } }, { 'if-match': tag });
      for (const tag of [`"${id}.2"`, `W/"${id}.1"`, `${id}.1`, '"x"', `"${randomUUID()}.1"`]) {
        const answer = await put(tag, 0);
        expectProblem(answer, 412, 'session.version_mismatch');
        expect(answer.headers.get('etag')).toBe(`"${id}.1"`);
      }
      expect((await put(`"${id}.1"`, 1)).headers.get('etag')).toBe(`"${id}.2"`);
      expect((await put(`"other.1", "${id}.2"`, 2)).status).toBe(200);
      expect((await put('*', 3)).body).toMatchObject({ version: 4, metadata: { step: 3 } });
    });

    it('only from the version that the caller names, by events too', async () => {
      const client = agent('manager');
      const { id } = await newSession(client, 'manager');
      const stale = { 'if-match': `"${id}.7"` };
      const answer = await client.put(`/sessions/${id}/events`, { event: 'activate' }, stale);
      expectProblem(answer, 412, 'session.version_mismatch');
    });

    it('a stranger is told nothing of the version', async () => {
      const { id } = await newSession(agent('manager'), 'manager');
      const answer = await agent(newSubject('stranger')).put(
        `/sessions/${id}`,
        { metadata: {} },
        { 'if-match': '"x"' },
      );
      expectProblem(answer, 404, 'session.not_found');
      expect(answer.headers.get('etag')).toBeNull();
    });

    it.each(['completed', 'failed', 'expired'] as const)('never once %s', async (status) => {
      const role = newSubject('worker');
      const client = agent(role);
      const task = await newTask(role, newSubject('to'));
      const before = await sessionIn(status, client, role);
      for (const writer of [client, agent('admin')]) {
        for (const body of [{ metadata: { late: true } }, { task_id: task }]) {
          const answer = await writer.put(`/sessions/${before.id}`, body);
          expectProblem(answer, 409, 'session.ended');
        }
      }
      expect((await client.get(`/sessions/${before.id}`)).body).toEqual(before);
    });
  });

  describe('at the same time', () => {
    it('20 agents activate one session: one holds it', async () => {
      const role = newSubject('worker');
      const { id } = await newSession(agent(role), role);
      const answers = await Promise.all(
        losers(20, 0).map((_, index) =>
          index % 2 === 0
            ? agent(role).put(`/sessions/${id}`, { status: 'active' })
            : agent(role).put(`/sessions/${id}/events`, { event: 'activate' }),
        ),
      );
      expect(statusesOf(answers)).toEqual([200, ...losers(19, 409)]);
      const winner = answers.find(({ status }) => status === 200)?.body.claimed_by;
      for (const { body } of answers.filter(({ status }) => status === 409))
        expect(body).toMatchObject({
          code: 'session.claimed',
          detail: expect.stringContaining(String(winner)),
        });
      expect((await agent(role).get(`/sessions/${id}`)).body).toMatchObject({
        claimed_by: winner,
        version: 2,
      });
      expect(await eventsOf(id)).toHaveLength(2);
    });

    it('one agent completes and fails a session 20 times: one of them counts', async () => {
      const role = newSubject('worker');
      const client = agent(role);
      const { id } = await sessionIn('active', client, role);
      const answers = await Promise.all(
        losers(20, 0).map((_, index) =>
          client.put(`/sessions/${id}/events`, { event: index % 2 === 0 ? 'complete' : 'fail' }),
        ),
      );
      expect(statusesOf(answers)).toEqual([200, ...losers(19, 409)]);
      const ended = answers.find(({ status }) => status === 200)?.body.status;
      for (const { body } of answers.filter(({ status }) => status === 409))
        expect(body.detail).toMatch(new RegExp(`^Invalid transition from ${String(ended)} to `));
      expect((await client.get(`/sessions/${id}`)).body).toMatchObject({
        status: ended,
        version: 3,
      });
      expect(await eventsOf(id)).toHaveLength(3);
    });

    it('ten agents write upon the same version, again and again: one wins each version', async () => {
      const role = newSubject('worker');
      const client = agent(role);
      const { id } = await newSession(client, role);
      for (let version = 1; version <= 4; version++) {
        const answers = await Promise.all(
          losers(10, 0).map((_, writer) =>
            client.put(
              `/sessions/${id}`,
              { metadata: { version, writer } },
              { 'if-match': `"${id}.${version}"` },
            ),
          ),
        );
        expect(statusesOf(answers)).toEqual([200, ...losers(9, 412)]);
        const winner = answers.find(({ status }) => status === 200)?.body;
        expect((await client.get(`/sessions/${id}`)).body).toEqual(winner);
      }
      expect(await eventsOf(id)).toHaveLength(5);
    });

    it('20 agents write metadata without a version: each change is one version and one event', async () => {
      const role = newSubject('worker');
      const client = agent(role);
      const { id } = await newSession(client, role);
      const answers = await Promise.all(
        losers(20, 0).map((_, writer) =>
          client.put<SessionBody>(`/sessions/${id}`, { metadata: { writer } }),
        ),
      );
      const versions = answers.map(({ body }) => body.version).sort((a, b) => a - b);
      expect(versions).toEqual(Array.from({ length: 20 }, (_, index) => index + 2));
      expect(await eventsOf(id)).toHaveLength(21);
    });

    it('two tasks claim one plain session: it joins one', async () => {
      const role = newSubject('worker');
      const client = agent(role);
      const { id } = await newSession(client, role);
      const tasks = await Promise.all(losers(6, 0).map(() => newTask(role, newSubject('to'))));
      const answers = await Promise.all(
        tasks.map((task_id) => client.put(`/sessions/${id}`, { task_id })),
      );
      expect(statusesOf(answers)).toEqual([200, ...losers(5, 409)]);
      expect(await eventsOf(id)).toHaveLength(2);
    });

    it('an attempt is adopted and activated: the holder stays, and adopting never reopens it', async () => {
      const to = newSubject('to');
      const task_id = await newTask(newSubject('from'), to);
      const { body } = await agent(to).get<SessionBody>(`/sessions/${task_id}`);
      const [activated, ...adopted] = await Promise.all([
        agent(to).put(`/sessions/${body.id}`, { status: 'active' }),
        ...losers(9, 0).map(() => agent(to).post('/sessions', { role: to, task_id })),
      ]);
      expect(activated.status).toBe(200);
      expect(adopted.every(({ status }) => status === 201 || status === 409)).toBe(true);
      const made = adopted.filter(({ status }) => status === 201).length;
      expect((await agent(to).get(`/sessions/${body.id}`)).body).toMatchObject({
        status: 'active',
        claimed_by: activated.body.claimed_by,
        version: 2 + made,
      });
      expect(await eventsOf(body.id)).toHaveLength(2 + made);
    });
  });
});
