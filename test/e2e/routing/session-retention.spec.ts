import { describe, expect, it } from '@jest/globals';
import { ExpiryService } from '../../../src/lifecycle/expiry.service.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { useApp, routeTask } from '../../support/kit.js';

interface SessionBody {
  id: string;
  status: string;
  version: number;
}

interface EventRow {
  event_type: string;
  role: string;
  actor: string;
  metadata: Record<string, unknown>;
}

/** What one sweep expires at most. */
const SWEEP_BATCH = 1_000;

describe('session retention', () => {
  const mesh = useApp();

  const grow = (id: string, age: string) =>
    mesh.query(`UPDATE sessions SET created_at = now() - $2::interval WHERE id = $1`, [id, age]);

  /** A session of a role, as old as told. */
  async function sessionAged(age: string, role: string, status = 'pending'): Promise<string> {
    const client = mesh.agent(role);
    const { body } = await client.post<SessionBody>('/sessions', { role });
    if (status === 'active') await client.put(`/sessions/${body.id}`, { status });
    await grow(body.id, age);
    return body.id;
  }

  async function taskAged(age: string, from: string, to: string): Promise<[string, string]> {
    const task = await routeTask(mesh, from, to);
    const [row] = await mesh.query<{ id: string }>(`SELECT id FROM sessions WHERE task_id = $1`, [
      task.slice('task-'.length),
    ]);
    await grow(row?.id ?? '', age);
    return [task, row?.id ?? ''];
  }

  const expiriesOf = (sessionId: string) =>
    mesh.query<EventRow>(
      `SELECT event_type, role, actor, metadata FROM audit_events
        WHERE session_id = $1 AND metadata->>'to' = 'expired'`,
      [sessionId],
    );

  async function storedStatus(id: string): Promise<string | undefined> {
    const [row] = await mesh.query<SessionBody>(`SELECT status FROM sessions WHERE id = $1`, [id]);
    return row?.status;
  }

  const listed = (client: Client, query: string) =>
    client.get<{ sessions: SessionBody[]; total: number }>(`/sessions?${query}`);

  it.each(['pending', 'active'])(
    'GET /sessions/:id expires an overdue session that was %s',
    async (from) => {
      const role = newSubject('worker');
      const id = await sessionAged('8 days', role, from);
      const version = from === 'active' ? 3 : 2;
      const read = await mesh.agent(role).get(`/sessions/${id}`);
      expect(read.body).toMatchObject({ status: 'expired', ended_reason: 'retention', version });
      expect(read.headers.get('etag')).toBe(`"${id}.${version}"`);
      expect(await expiriesOf(id)).toMatchObject([
        {
          event_type: 'session_transitioned',
          role: 'system',
          actor: 'system',
          metadata: { from, to: 'expired', reason: 'retention', version },
        },
      ]);
    },
  );

  it.each(['7 days -1 minute', '0 days'])('keeps a session at the age of %s', async (age) => {
    const role = newSubject('worker');
    const id = await sessionAged(age, role, 'active');
    expect((await mesh.agent(role).get(`/sessions/${id}`)).body).toMatchObject({
      status: 'active',
    });
    expect(await expiriesOf(id)).toEqual([]);
  });

  it('keeps an ended session of any age', async () => {
    const role = newSubject('worker');
    const client = mesh.agent(role);
    const { body } = await client.post<SessionBody>('/sessions', { role });
    await client.put(`/sessions/${body.id}`, { status: 'active' });
    await client.put(`/sessions/${body.id}`, { status: 'completed' });
    await grow(body.id, '900 days');
    expect((await client.get(`/sessions/${body.id}`)).body).toMatchObject({ status: 'completed' });
    await mesh.app.get(ExpiryService).sweep();
    expect(await expiriesOf(body.id)).toEqual([]);
  });

  it('GET /sessions returns overdue sessions as expired before they are updated', async () => {
    const role = newSubject('worker');
    const client = mesh.agent(role);
    const old = [await sessionAged('8 days', role), await sessionAged('9 days', role, 'active')];
    const fresh = await sessionAged('1 hour', role);
    const all = await listed(client, `role=${role}`);
    expect(all.body.sessions.map(({ id, status }) => [id, status])).toEqual([
      [fresh, 'pending'],
      [old[0], 'expired'],
      [old[1], 'expired'],
    ]);
    expect((await listed(client, `role=${role}&status=expired`)).body.total).toBe(2);
    expect((await listed(client, `role=${role}&status=pending`)).body.total).toBe(1);
    expect((await listed(client, `role=${role}&status=active`)).body).toMatchObject({
      sessions: [],
      total: 0,
    });
    expect(await Promise.all(old.map(storedStatus))).toEqual(['pending', 'active']);
  });

  it('GET /tasks and GET /tasks/:id return the task as expired', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const [task, session] = await taskAged('8 days', from, to);
    const ids = async (status: string) =>
      (
        await mesh
          .agent(from)
          .get<{ tasks: { id: string }[] }>(`/tasks?to_role=${to}&status=${status}`)
      ).body.tasks.map(({ id }) => `task-${id}`);
    expect(await ids('pending')).toEqual([]);
    expect(await ids('expired')).toEqual([task]);
    expect(await storedStatus(session)).toBe('pending');
    expect((await mesh.agent(from).get(`/tasks/${task}`)).body).toMatchObject({
      status: 'expired',
      attempts: [{ status: 'expired', ended_reason: 'retention' }],
    });
    expect((await mesh.agent(from).get(`/sessions/${task}`)).body).toMatchObject({
      status: 'expired',
    });
    expect(await expiriesOf(session)).toHaveLength(1);
  });

  it('POST /sessions: 409 when the attempt is overdue', async () => {
    const to = newSubject('to');
    const [task_id] = await taskAged('8 days', newSubject('from'), to);
    const answer = await mesh.agent(to).post('/sessions', { role: to, task_id });
    expect(answer).toMatchObject({ status: 409, body: { code: 'task.finished' } });
  });

  it.each([
    ['pending', 'active'],
    ['active', 'completed'],
    ['active', 'failed'],
    ['active', 'expired'],
  ])('PUT /sessions/:id: 409 when an overdue %s session is set to %s', async (stored, status) => {
    const role = newSubject('worker');
    const id = await sessionAged('8 days', role, stored);
    const answer = await mesh.agent(role).put(`/sessions/${id}`, { status });
    expect(answer).toMatchObject({
      status: 409,
      body: {
        code: 'lifecycle.invalid_transition',
        detail: `Invalid transition from expired to ${status}`,
      },
    });
    expect(await storedStatus(id)).toBe('expired');
    expect(await expiriesOf(id)).toMatchObject([{ actor: 'system' }]);
  });

  it('PUT /sessions/:id: 409 with an idempotency key, and stores the status expired', async () => {
    const role = newSubject('worker');
    const id = await sessionAged('8 days', role);
    const key = { 'Idempotency-Key': newSubject('key') };
    const answer = await mesh.agent(role).put(`/sessions/${id}`, { status: 'active' }, key);
    expect(answer.status).toBe(409);
    expect(await storedStatus(id)).toBe('expired');
    expect(await expiriesOf(id)).toHaveLength(1);
  });

  it('PUT /sessions/:id: 409 with metadata', async () => {
    const role = newSubject('worker');
    const id = await sessionAged('8 days', role);
    const answer = await mesh.agent(role).put(`/sessions/${id}`, { metadata: { late: true } });
    expect(answer).toMatchObject({ status: 409, body: { code: 'session.ended' } });
  });

  it('404 for an unrelated caller', async () => {
    const id = await sessionAged('8 days', newSubject('worker'));
    const stranger = mesh.agent(newSubject('stranger'));
    for (const answer of [
      await stranger.get(`/sessions/${id}`),
      await stranger.put(`/sessions/${id}`, { status: 'active' }),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'session.not_found' } });
    }
  });

  it('expires a session once under 20 concurrent reads, writes and sweeps', async () => {
    const role = newSubject('worker');
    const client = mesh.agent(role);
    const id = await sessionAged('8 days', role, 'active');
    const [reads, writes] = await Promise.all([
      Promise.all(Array.from({ length: 12 }, () => client.get(`/sessions/${id}`))),
      Promise.all(
        Array.from({ length: 6 }, () => client.put(`/sessions/${id}`, { status: 'completed' })),
      ),
      mesh.app.get(ExpiryService).sweep(),
      mesh.app.get(ExpiryService).sweep(),
    ]);
    expect(reads.map(({ status, body }) => [status, body.status])).toEqual(
      reads.map(() => [200, 'expired']),
    );
    expect(writes.map(({ status }) => status)).toEqual(writes.map(() => 409));
    expect(await expiriesOf(id)).toHaveLength(1);
    expect((await client.get(`/sessions/${id}`)).body).toMatchObject({ version: 3 });
  });

  it('two concurrent sweeps expire each session once, in batches', async () => {
    const own = await startTestApp();
    const other = await startTestApp({ databaseUrl: own.databaseUrl });
    try {
      const count = 2 * SWEEP_BATCH + 37;
      await own.query(
        `INSERT INTO sessions (id, role, status, created_at, trace_id, created_by)
         SELECT gen_random_uuid(), 'worker', 'pending', now() - interval '8 days' * (1 + n % 2) / 1.5,
                gen_random_uuid(), 'test'
           FROM generate_series(1, $1::integer) n`,
        [2 * count],
      );
      const sweeps = async ({ app }: TestApp): Promise<number[]> => {
        const swept: number[] = [];
        do swept.push(await app.get(ExpiryService).sweep());
        while (swept.at(-1) !== 0);
        return swept;
      };
      const batches = (await Promise.all([sweeps(own), sweeps(other)])).flat();
      expect(Math.max(...batches)).toBeLessThanOrEqual(SWEEP_BATCH);
      expect(batches.reduce((sum, batch) => sum + batch, 0)).toBe(count);
      const [tally] = await own.query(
        `SELECT (SELECT count(*)::integer FROM sessions WHERE status = 'expired' AND version = 2) AS expired,
                (SELECT count(*)::integer FROM sessions WHERE status = 'pending' AND version = 1) AS left_alone,
                (SELECT count(*)::integer FROM audit_events) AS events,
                (SELECT count(DISTINCT session_id)::integer FROM audit_events
                  WHERE actor = 'system' AND role = 'system') AS sessions`,
      );
      expect(tally).toEqual({ expired: count, left_alone: count, events: count, sessions: count });
    } finally {
      await other.close();
      await own.close();
    }
  });

  it('a sweep skips a locked session and the next one expires it', async () => {
    const id = await sessionAged('8 days', newSubject('worker'));
    const writer = mesh.dataSource.createQueryRunner();
    await writer.startTransaction();
    try {
      await writer.query(`SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE`, [id]);
      await mesh.app.get(ExpiryService).sweep();
      expect(await storedStatus(id)).toBe('pending');
    } finally {
      await writer.rollbackTransaction();
      await writer.release();
    }
    await mesh.app.get(ExpiryService).sweep();
    expect(await storedStatus(id)).toBe('expired');
  });

  it('uses SESSION_RETENTION_DAYS', async () => {
    const strict = await startTestApp({
      databaseUrl: mesh.databaseUrl,
      env: { SESSION_RETENTION_DAYS: '1' },
    });
    try {
      const role = newSubject('worker');
      const id = await sessionAged('2 days', role);
      const strictly = new Client(strict.url, tokenFor(role));
      expect((await listed(mesh.agent(role), 'status=pending')).body.total).toBe(1);
      expect((await listed(strictly, 'status=pending')).body.total).toBe(0);
      expect((await mesh.agent(role).get(`/sessions/${id}`)).body).toMatchObject({
        status: 'pending',
      });
      expect((await strictly.get(`/sessions/${id}`)).body).toMatchObject({ status: 'expired' });
    } finally {
      await strict.close();
    }
  });
});
