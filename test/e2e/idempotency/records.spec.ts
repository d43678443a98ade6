import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { version } from 'uuid';
import { startTestApp, type TestApp } from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';
import {
  budget,
  caller,
  describeWithEachRedis,
  idempotencyMetrics,
  keyHeader,
} from '../../support/idempotency.js';
import { expectProblem } from '../../support/kit.js';

interface KeyedRequests {
  requests: Record<string, unknown>[];
}

describeWithEachRedis('idempotency records, with %s', (_, redis) => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp(redis);
  });

  afterAll(() => mesh.close());

  async function storedKeyOf({ body }: Answer): Promise<string> {
    const id = String(body.task_id).replace('task-', '');
    const [task] = await mesh.query<{ key: string }>(
      'SELECT idempotency_key AS key FROM tasks WHERE id = $1',
      [id],
    );
    return task?.key ?? '';
  }

  it('tasks.idempotency_key is the key of the client when it is a UUID, in lower case', async () => {
    const key = randomUUID();
    const answer = await caller(mesh).post('/tasks/route', budget(), keyHeader(key.toUpperCase()));
    expect(await storedKeyOf(answer)).toBe(key);
  });

  it('tasks.idempotency_key is a UUID derived from the scope when the key is not a UUID or another caller has used it', async () => {
    const key = randomUUID();
    await caller(mesh).post('/tasks/route', budget(), keyHeader(key));
    for (const used of [key, `order-${key}`]) {
      const answer = await caller(mesh).post('/tasks/route', budget(), keyHeader(used));
      const stored = await storedKeyOf(answer);
      expect([answer.status, version(stored)]).toEqual([202, 5]);
      expect(stored).not.toBe(key);
    }
  });

  it('tasks.idempotency_key is random without a key', async () => {
    const finance = caller(mesh);
    const answers = [
      await finance.post('/tasks/route', budget()),
      await finance.post('/tasks/route', budget()),
    ];
    const stored = await Promise.all(answers.map(storedKeyOf));
    expect(stored.map((key) => version(key))).toEqual([4, 4]);
    expect(new Set(stored).size).toBe(2);
  });

  it('GET /idempotency/:key returns route, role, status, resource and times', async () => {
    const [finance, key] = [caller(mesh), randomUUID()];
    const routed = await finance.post('/tasks/route', budget(), keyHeader(key));
    const made = await finance.post<{ id: string }>(
      '/sessions',
      { role: 'finance' },
      keyHeader(key),
    );
    const { status, body } = await finance.get<KeyedRequests>(`/idempotency/${key}`);
    expect(status).toBe(200);
    const times = { created_at: expect.any(String), expires_at: expect.any(String) };
    expect(body.requests).toEqual([
      {
        method: 'POST',
        path: '/sessions',
        role: 'finance',
        status: 201,
        resource: { type: 'session', id: made.body.id },
        ...times,
      },
      {
        method: 'POST',
        path: '/tasks/route',
        role: 'finance',
        status: 202,
        resource: { type: 'task', id: String(routed.body.task_id).replace('task-', '') },
        ...times,
      },
    ]);
    const [created, expires] = ['created_at', 'expires_at'].map((name) =>
      Date.parse(String(body.requests[0]?.[name])),
    );
    expect((expires ?? 0) - (created ?? 0)).toBe(86_400_000);
  });

  it('GET /idempotency/:key accepts an escaped key', async () => {
    const [finance, key] = [caller(mesh), `a/b?c#d%e\\"f-${randomUUID()}`];
    const quoted = `"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
    await finance.post('/tasks/route', budget(), keyHeader(quoted));
    const answer = await finance.get(`/idempotency/${encodeURIComponent(quoted)}`);
    expect(answer).toMatchObject({ status: 200, body: { requests: [{ status: 202 }] } });
  });

  it('GET /idempotency/:key: 404 for other callers and for keys without a stored response', async () => {
    const [finance, key] = [caller(mesh), randomUUID()];
    await finance.post('/tasks/route', budget(), keyHeader(key));
    const refusedKey = randomUUID();
    await finance.post('/tasks/route', {}, keyHeader(refusedKey));
    const answers = [
      await caller(mesh).get(`/idempotency/${key}`),
      await caller(mesh, 'admin').get(`/idempotency/${key}`),
      await finance.get(`/idempotency/${randomUUID()}`),
      await finance.get(`/idempotency/${refusedKey}`),
    ];
    for (const answer of answers) expectProblem(answer, 404, 'idempotency.not_found');
    expectProblem(await finance.get('/idempotency/a%20b'), 400, 'request.invalid');
    expectProblem(await finance.get(`/idempotency/${'k'.repeat(256)}`), 400, 'request.invalid');
    expect((await new Client(mesh.url).get(`/idempotency/${key}`)).status).toBe(401);
  });

  it('GET /metrics counts misses, hits, mismatches and conflicts', async () => {
    const [finance, headers] = [caller(mesh), keyHeader()];
    const before = await idempotencyMetrics(mesh);
    await finance.post('/tasks/route', budget(1), headers);
    await finance.post('/tasks/route', budget(1), headers);
    await finance.post('/tasks/route', budget(1), headers);
    await finance.post('/tasks/route', budget(2), headers);
    await finance.post('/tasks/route', budget(2));
    const after = await idempotencyMetrics(mesh);
    const gained = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
    const replays = redis.env ? [0, 2] : [2, 0];
    expect(
      ['misses', 'postgres', 'redis', 'memory', 'mismatches', 'conflicts'].map(gained),
    ).toEqual([1, ...replays, 0, 1, 0]);
  });
});
