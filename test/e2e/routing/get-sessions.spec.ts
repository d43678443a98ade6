import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { type Answer } from '../../support/client.js';
import type { SessionBody } from '../../support/work.js';
import { useSharedApp, routeTask, expectProblem } from '../../support/kit.js';
import { createSession, sessionInStatus } from '../../support/sessions.js';

interface PageBody {
  sessions: SessionBody[];
  total?: number;
  page?: number;
  page_size: number;
  next_cursor: string | null;
}

describe('GET /sessions', () => {
  const mesh = useSharedApp();

  it('returns pages, newest first, with the total', async () => {
    const role = newSubject('lister');
    const client = mesh.agent(role);
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await createSession(client, role)).id);
    const first = await client.get<PageBody>('/sessions?page=1&page_size=2');
    expect(first.body).toMatchObject({ total: 5, page: 1, page_size: 2 });
    expect(first.body.sessions.map(({ id }) => id)).toEqual(made.slice(0, 2));
    const last = await client.get<PageBody>('/sessions?page=3&page_size=2');
    expect(last.body.sessions.map(({ id }) => id)).toEqual(made.slice(4));
    expect(last.body.next_cursor).toBeNull();
    const beyond = await client.get<PageBody>('/sessions?page=4&page_size=2');
    expect(beyond.body).toMatchObject({ sessions: [], total: 5, page: 4, next_cursor: null });
  });

  it('returns page 1 with page size 20 without parameters', async () => {
    const role = newSubject('lister');
    const { body } = await mesh.agent(role).get<PageBody>('/sessions');
    expect(body).toEqual({
      sessions: [],
      total: 0,
      total_is_exact: true,
      page: 1,
      page_size: 20,
      next_cursor: null,
    });
  });

  it('returns every session once by cursor, while sessions of the same instant and newer ones are added', async () => {
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
      const page: Answer<PageBody> = await mesh.agent(role).get<PageBody>(path);
      expect(page.status).toBe(200);
      seen.push(...page.body.sessions.map(({ id }) => id));
      cursor = page.body.next_cursor;
      await insert('now()');
    } while (cursor !== null);

    expect(new Set(seen).size).toBe(seen.length);
    expect(new Set(seen)).toEqual(new Set(old));
  });

  it('returns no total and no page number by cursor', async () => {
    const role = newSubject('lister');
    const client = mesh.agent(role);
    for (let i = 0; i < 3; i++) await createSession(client, role);
    const first = await client.get<PageBody>('/sessions?page_size=2');
    const second = await client.get<PageBody>(
      `/sessions?page_size=2&cursor=${first.body.next_cursor ?? ''}`,
    );
    expect(second.body.sessions).toHaveLength(1);
    expect(second.body).not.toHaveProperty('total');
    expect(second.body).not.toHaveProperty('page');
  });

  it('filters by role, status and task', async () => {
    const [role, other, from] = [newSubject('lister'), newSubject('other'), newSubject('from')];
    const both = mesh.agent([role, other]);
    const task = await routeTask(mesh, from, role);
    await createSession(both, role);
    await createSession(both, other);
    await sessionInStatus('active', both, role);
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

  it('returns sessions of the caller’s roles and attempts of its tasks; all to admins and auditors, none to others', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    await routeTask(mesh, from, to);
    await createSession(mesh.agent(to), to);
    const total = async (role: string) =>
      (await mesh.agent(role).get<PageBody>(`/sessions?role=${to}`)).body.total;
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
  ])('400 with ?%s', async (query) => {
    expectProblem(await mesh.agent('manager').get(`/sessions?${query}`), 400, 'request.invalid');
  });

  it('400 with a page and a cursor', async () => {
    const role = newSubject('lister');
    const client = mesh.agent(role);
    for (let i = 0; i < 2; i++) await createSession(client, role);
    const { body } = await client.get<PageBody>('/sessions?page_size=1');
    const answer = await client.get(
      `/sessions?page=1&page_size=1&cursor=${body.next_cursor ?? ''}`,
    );
    expectProblem(answer, 400, 'request.invalid');
  });
});
