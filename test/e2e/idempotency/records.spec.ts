import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Router } from 'express';
import { validate, version } from 'uuid';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';
import {
  budget,
  caller,
  describeWithEachRedis,
  expectProblem,
  expectReplay,
  idempotencyMetrics,
  isReplay,
  keyed,
  newSession,
  rowCounts,
  until,
  withoutEffect,
} from '../../support/keyed.js';

interface KeyedRequests {
  requests: Record<string, unknown>[];
}

interface EventRow {
  event_type: string;
  role: string;
}

describeWithEachRedis('what a keyed request leaves behind, with %s', (_, redis) => {
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

  describe('on every route that writes', () => {
    interface Recipe {
      /** Who sends it. */
      by: Client;
      path: string;
      body: unknown;
      events: EventRow[];
    }

    /** A request for each route that takes POST or PUT, with what it needs to succeed. */
    const RECIPES: Record<string, () => Promise<Recipe> | Recipe> = {
      'POST /tasks/route': () => ({
        by: caller(mesh),
        path: '/tasks/route',
        body: budget(),
        events: [{ event_type: 'task_routed', role: 'finance' }],
      }),
      'POST /sessions': () => ({
        by: caller(mesh),
        path: '/sessions',
        body: { role: 'finance' },
        events: [{ event_type: 'session_created', role: 'finance' }],
      }),
      'PUT /sessions/:id': async () => {
        const by = caller(mesh);
        const { path } = await newSession(by);
        const events = [{ event_type: 'session_updated', role: 'finance' }];
        return { by, path, body: { metadata: { step: 1 } }, events };
      },
      'PUT /sessions/:id/events': async () => {
        const by = caller(mesh);
        const { path } = await newSession(by);
        const events = [{ event_type: 'session_transitioned', role: 'finance' }];
        return { by, path: `${path}/events`, body: { event: 'activate' }, events };
      },
      'POST /approvals': async () => {
        const by = caller(mesh);
        const { body } = await by.post('/tasks/route', budget());
        return {
          by,
          path: '/approvals',
          body: { task_id: body.task_id, approver_role: 'manager', decision: 'pending' },
          events: [{ event_type: 'approval_requested', role: 'finance' }],
        };
      },
      'POST /approvals/:id/decision': async () => ({
        by: caller(mesh, 'manager'),
        path: `/approvals/${await pendingApproval(caller(mesh))}/decision`,
        body: { decision: 'approved' },
        events: [{ event_type: 'approval_decided', role: 'manager' }],
      }),
      'POST /approvals/:id/withdraw': async () => {
        const by = caller(mesh);
        const path = `/approvals/${await pendingApproval(by)}/withdraw`;
        const events = [{ event_type: 'approval_withdrawn', role: 'finance' }];
        return { by, path, body: { reason: 'changed' }, events };
      },
      'POST /approvals/:id/delegate': async () => ({
        by: caller(mesh, 'manager'),
        path: `/approvals/${await pendingApproval(caller(mesh))}/delegate`,
        body: { role: 'legal', reason: 'a contract' },
        events: [{ event_type: 'approval_delegated', role: 'manager' }],
      }),
      'POST /approvals/:id/recall': async () => {
        const by = caller(mesh, 'manager');
        const path = `/approvals/${await pendingApproval(caller(mesh))}`;
        await by.post(`${path}/delegate`, { role: 'legal', reason: 'a contract' });
        const events = [{ event_type: 'approval_recalled', role: 'manager' }];
        return { by, path: `${path}/recall`, body: { reason: 'after all' }, events };
      },
      'POST /approvals/:id/reassign': async () => ({
        by: caller(mesh, 'admin'),
        path: `/approvals/${await pendingApproval(caller(mesh))}/reassign`,
        body: { role: 'legal', reason: 'nobody is left' },
        events: [{ event_type: 'approval_reassigned', role: 'admin' }],
      }),
      'POST /approvals/:id/resubmit': async () => {
        const by = caller(mesh);
        const path = `/approvals/${await pendingApproval(by)}`;
        await by.post(`${path}/withdraw`, {});
        const events = [{ event_type: 'approval_requested', role: 'finance' }];
        return { by, path: `${path}/resubmit`, body: { reason: 'after all' }, events };
      },
      'POST /approvals/:id/consume': async () => {
        const by = caller(mesh);
        const path = `/approvals/${await pendingApproval(by)}`;
        const { body } = await caller(mesh, 'manager').post(`${path}/decision`, {
          decision: 'approved',
        });
        const events = [{ event_type: 'approval_consumed', role: 'finance' }];
        return { by, path: `${path}/consume`, body: { digest: body.digest }, events };
      },
      'POST /tasks/claim': async () => {
        await caller(mesh).post('/tasks/route', budget());
        const events = [{ event_type: 'task_claimed', role: 'manager' }];
        return { by: caller(mesh, 'manager'), path: '/tasks/claim', body: {}, events };
      },
      'POST /tasks/:id/claim': async () => {
        const { body } = await caller(mesh).post('/tasks/route', budget());
        const path = `/tasks/${String(body.task_id)}/claim`;
        const events = [{ event_type: 'task_claimed', role: 'manager' }];
        return { by: caller(mesh, 'manager'), path, body: {}, events };
      },
      'POST /tasks/:id/cancel': async () => {
        const by = caller(mesh);
        const { body } = await by.post('/tasks/route', budget());
        const path = `/tasks/${String(body.task_id)}/cancel`;
        const events = [{ event_type: 'task_cancelled', role: 'finance' }];
        return { by, path, body: { reason: 'changed' }, events };
      },
      'POST /tasks/:id/retry': async () => {
        const by = caller(mesh);
        const { body } = await by.post('/tasks/route', budget());
        const path = `/tasks/${String(body.task_id)}`;
        await by.post(`${path}/cancel`, {});
        const events = [{ event_type: 'task_retried', role: 'finance' }];
        return { by, path: `${path}/retry`, body: { reason: 'after all' }, events };
      },
      'POST /sessions/:id/heartbeat': async () => {
        const { by, path } = await claimed();
        return { by, path: `${path}/heartbeat`, body: { lease_seconds: 60 }, events: [] };
      },
      'POST /sessions/:id/release': async () => {
        const { by, path } = await claimed();
        const events = [
          { event_type: 'task_released', role: 'manager' },
          { event_type: 'attempt_opened', role: 'manager' },
        ];
        return { by, path: `${path}/release`, body: { reason: 'busy' }, events };
      },
      'POST /audit/ingest': () => ({
        by: caller(mesh),
        path: '/audit/ingest',
        body: { source: 'agent', category: 'policy', action: 'evaluated' },
        events: [{ event_type: 'agent.policy.evaluated', role: 'finance' }],
      }),
    };

    async function claimed(): Promise<{ by: Client; path: string }> {
      const by = caller(mesh, 'manager');
      const { body: task } = await caller(mesh).post('/tasks/route', budget());
      const claim = await by.post<{ session: { id: string } }>(
        `/tasks/${String(task.task_id)}/claim`,
        {},
      );
      return { by, path: `/sessions/${claim.body.session.id}` };
    }

    async function pendingApproval(asker: Client): Promise<string> {
      const { body: task } = await asker.post('/tasks/route', budget());
      const ask = { task_id: task.task_id, approver_role: 'manager' };
      const { body } = await asker.post('/approvals', ask);
      return String(body.approval_id);
    }

    it('has a recipe here', () => {
      const { router }: { router: Router } = mesh.app.getHttpAdapter().getInstance();
      const routes = router.stack.flatMap(({ route }) =>
        route
          ? route.stack
              .map(({ method }) => `${method.toUpperCase()} ${route.path}`)
              .filter((name) => /^(POST|PUT|PATCH|DELETE) /.test(name))
          : [],
      );
      // Its calls bring keys of their own, and are other routes' requests: mcp-tools.spec.ts.
      const outside = ['DELETE', 'PATCH', 'POST', 'PUT'].map((method) => `${method} /mcp`);
      expect([...new Set(routes)].sort()).toEqual([...Object.keys(RECIPES), ...outside].sort());
    });

    it.each(Object.entries(RECIPES))(
      '%s: one effect, one audit event, then replays',
      async (route, recipe) => {
        const { by, path, body, events } = await recipe();
        const method = route.startsWith('PUT') ? 'PUT' : 'POST';
        const headers = keyed();
        const send = () => by.call(method, path, { body, headers });
        const since = (await rowCounts(mesh))?.events ?? 0;
        const first = await send();
        expect(first.status).toBeLessThan(300);
        expect(isReplay(first)).toBe(false);
        const written = await mesh.query<EventRow>(
          'SELECT event_type, role FROM audit_events ORDER BY timestamp, id OFFSET $1',
          [since],
        );
        expect(written).toEqual(events);
        if (route.endsWith('/heartbeat')) {
          const again = await withoutEffect(mesh, send);
          expect([again.status, isReplay(again)]).toEqual([200, false]);
          return;
        }
        const retry = await withoutEffect(mesh, send);
        if (route.endsWith('claim')) {
          expect(retry).toMatchObject({ status: 200, body: { ...first.body, replayed: true } });
          expect(isReplay(retry)).toBe(true);
        } else expectReplay(retry, first);
        const other = { ...Object(body), metadata: { other: true }, reason: 'other' } as object;
        const mismatch = await withoutEffect(mesh, () =>
          by.call(method, path, { body: other, headers }),
        );
        expect([400, 422]).toContain(mismatch.status);
      },
    );
  });

  describe('in tasks.idempotency_key', () => {
    it('is the key of the client when that is a UUID, in lower case', async () => {
      const key = randomUUID();
      const answer = await caller(mesh).post('/tasks/route', budget(), keyed(key.toUpperCase()));
      expect(await storedKeyOf(answer)).toBe(key);
    });

    it('is a UUID derived from the scope when another caller took the key, or it is no UUID', async () => {
      const key = randomUUID();
      await caller(mesh).post('/tasks/route', budget(), keyed(key));
      for (const used of [key, `order-${key}`]) {
        const answer = await caller(mesh).post('/tasks/route', budget(), keyed(used));
        const stored = await storedKeyOf(answer);
        expect([answer.status, version(stored)]).toEqual([202, 5]);
        expect(stored).not.toBe(key);
      }
    });

    it('is random without a key', async () => {
      const finance = caller(mesh);
      const answers = [
        await finance.post('/tasks/route', budget()),
        await finance.post('/tasks/route', budget()),
      ];
      const stored = await Promise.all(answers.map(storedKeyOf));
      expect(stored.map((key) => version(key))).toEqual([4, 4]);
      expect(new Set(stored).size).toBe(2);
    });
  });

  describe('is told by GET /idempotency/{key}', () => {
    it('with route, role, status, resource and times', async () => {
      const [finance, key] = [caller(mesh), randomUUID()];
      const routed = await finance.post('/tasks/route', budget(), keyed(key));
      const made = await finance.post<{ id: string }>('/sessions', { role: 'finance' }, keyed(key));
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

    it('with keys that a path has to escape', async () => {
      const [finance, key] = [caller(mesh), `a/b?c#d%e\\"f-${randomUUID()}`];
      const quoted = `"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
      await finance.post('/tasks/route', budget(), keyed(quoted));
      const answer = await finance.get(`/idempotency/${encodeURIComponent(quoted)}`);
      expect(answer).toMatchObject({ status: 200, body: { requests: [{ status: 202 }] } });
    });

    it('to the caller only, and not for keys never used, refused or without an effect yet', async () => {
      const [finance, key] = [caller(mesh), randomUUID()];
      await finance.post('/tasks/route', budget(), keyed(key));
      const refusedKey = randomUUID();
      await finance.post('/tasks/route', {}, keyed(refusedKey));
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
  });

  it('is counted', async () => {
    const [finance, headers] = [caller(mesh), keyed()];
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

describe('the sweep of expired keys', () => {
  let mesh: TestApp;
  const TTL_SECONDS = 2;

  beforeAll(async () => {
    mesh = await startTestApp({
      env: { SWEEP_INTERVAL_SECONDS: '1', IDEMPOTENCY_TTL_SECONDS: String(TTL_SECONDS) },
    });
  });

  afterAll(() => mesh.close());

  /** Records that nobody made, which expire as many seconds from now as told. */
  async function insertRecords(count: number, expiresInSeconds: number): Promise<void> {
    await mesh.query(
      `INSERT INTO idempotency_records
         (scope, fingerprint, caller, key, method, path, response_status, response_body, generation,
          created_at, expires_at)
       SELECT sha256(convert_to($3 || n, 'UTF8')), $4, 'somebody', n, 'POST', '/', 200, '{}', 1,
              now(), now() + make_interval(secs => $2)
         FROM generate_series(1, $1) n`,
      [count, expiresInSeconds, randomUUID(), createHash('sha256').digest()],
    );
  }

  const recordCount = async () => (await rowCounts(mesh))?.records ?? 0;

  it('deletes all that have expired, batch by batch, and no live one', async () => {
    await insertRecords(2_500, -1);
    await insertRecords(7, 3_600);
    await until(async () => (await recordCount()) === 7);
  });

  it('lets a key be used again and again, each time for a task of its own', async () => {
    const [finance, key] = [caller(mesh, 'finance', newSubject('finance')), randomUUID()];
    const stored = new Set<string>();
    for (const round of [1, 2, 3]) {
      const answer = await finance.post('/tasks/route', budget(round), keyed(key));
      expect([answer.status, isReplay(answer)]).toEqual([202, false]);
      await until(async () => (await recordCount()) === 7);
    }
    for (const { key: taskKey } of await mesh.query<{ key: string }>(
      'SELECT idempotency_key AS key FROM tasks',
    )) {
      expect(validate(taskKey)).toBe(true);
      stored.add(taskKey);
    }
    expect(stored.size).toBe(3);
    expect(stored.has(key)).toBe(true);
  });
});
