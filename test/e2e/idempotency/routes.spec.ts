import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Router } from 'express';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { Client } from '../../support/client.js';
import {
  budget,
  caller,
  describeWithEachRedis,
  expectReplay,
  isReplay,
  keyHeader,
  newSession,
  rowCounts,
  expectNoEffect,
} from '../../support/idempotency.js';

interface EventRow {
  event_type: string;
  role: string;
}

/** Nothing listens there. */
const WEBHOOK = { url: 'http://127.0.0.1:9/', types: ['task.cancelled'] };

describeWithEachRedis('routes that write, with an idempotency key and %s', (_, redis) => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp(redis);
  });

  afterAll(() => mesh.close());

  interface Recipe {
    /** Who sends it. */
    by: Client;
    path: string;
    body: unknown;
    events: EventRow[];
  }

  /** Requests that succeed, one for each route with POST or PUT. */
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
    'POST /tasks/cancel': async () => {
      const { by, trace_id } = await routed();
      const events = [{ event_type: 'task_cancelled', role: 'finance' }];
      return { by, path: '/tasks/cancel', body: { trace_id, dry_run: false }, events };
    },
    'POST /tasks/retry': async () => {
      const { by, trace_id } = await routed();
      await by.post('/tasks/cancel', { trace_id, dry_run: false });
      const events = [{ event_type: 'task_retried', role: 'finance' }];
      return { by, path: '/tasks/retry', body: { trace_id, dry_run: false }, events };
    },
    'POST /roles/:role/pause': () => ({
      by: caller(mesh, 'admin'),
      path: `/roles/${newSubject('paused')}/pause`,
      body: { reason: 'maintenance' },
      events: [{ event_type: 'role_paused', role: 'admin' }],
    }),
    'POST /roles/:role/resume': async () => {
      const by = caller(mesh, 'admin');
      const path = `/roles/${newSubject('paused')}`;
      await by.post(`${path}/pause`, { reason: 'maintenance' });
      return {
        by,
        path: `${path}/resume`,
        body: {},
        events: [{ event_type: 'role_resumed', role: 'admin' }],
      };
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
    'POST /webhooks': () => ({
      by: caller(mesh, 'admin'),
      path: '/webhooks',
      body: WEBHOOK,
      events: [{ event_type: 'webhook_created', role: 'admin' }],
    }),
    'POST /webhooks/:id/rotate': () => onWebhook('rotate', {}, 'webhook_secret_rotated'),
    'POST /webhooks/:id/test': () => onWebhook('test', {}, 'webhook_tested'),
    'POST /webhooks/:id/replay': () => onWebhook('replay', { after: '0' }, 'webhook_replayed'),
    'POST /webhooks/:id/deliveries/:position/redeliver': () =>
      onWebhook('deliveries/1/redeliver', {}, 'webhook_replayed'),
  };

  /** A request on a webhook that has a delivery. */
  async function onWebhook(path: string, body: object, event_type: string): Promise<Recipe> {
    const by = caller(mesh, 'admin');
    const { body: webhook } = await by.post('/webhooks', WEBHOOK);
    await mesh.query(
      `INSERT INTO webhook_deliveries (webhook_id, position, event_id, status, ended_at)
       VALUES ($1, 1, gen_random_uuid(), 'delivered', now())`,
      [webhook.id],
    );
    const events = [{ event_type, role: 'admin' }];
    return { by, path: `/webhooks/${String(webhook.id)}/${path}`, body, events };
  }

  async function routed(): Promise<{ by: Client; trace_id: string }> {
    const by = caller(mesh);
    const { body } = await by.post('/tasks/route', budget());
    const task = await by.get<{ trace_id: string }>(`/tasks/${String(body.task_id)}`);
    return { by, trace_id: task.body.trace_id };
  }

  async function claimed(): Promise<{ by: Client; path: string }> {
    const by = caller(mesh, 'manager');
    const { body: task } = await caller(mesh).post('/tasks/route', budget());
    const claim = await by.post<{ session: { id: string } }>(
      `/tasks/${String(task.task_id)}/claim`,
      {},
    );
    return { by, path: `/sessions/${claim.body.session.id}` };
  }

  async function pendingApproval(requester: Client): Promise<string> {
    const { body: task } = await requester.post('/tasks/route', budget());
    const ask = { task_id: task.task_id, approver_role: 'manager' };
    const { body } = await requester.post('/approvals', ask);
    return String(body.approval_id);
  }

  it('are all called here', () => {
    const { router }: { router: Router } = mesh.app.getHttpAdapter().getInstance();
    const routes = router.stack.flatMap(({ route }) =>
      route
        ? route.stack
            .map(({ method }) => `${method.toUpperCase()} ${route.path}`)
            .filter((name) => /^(POST|PUT|PATCH|DELETE) /.test(name))
        : [],
    );
    // Idempotency keys are for POST and PUT. Calls of tools have keys of their own and send requests of other routes: mcp/tools-writes.spec.ts.
    const outside = ['DELETE', 'PATCH', 'POST', 'PUT'].map((method) => `${method} /mcp`);
    outside.push('DELETE /webhooks/:id', 'PATCH /webhooks/:id');
    expect([...new Set(routes)].sort()).toEqual([...Object.keys(RECIPES), ...outside].sort());
  });

  it.each(Object.entries(RECIPES))(
    '%s: one effect and one audit event, then replays',
    async (route, recipe) => {
      const { by, path, body, events } = await recipe();
      const method = route.startsWith('PUT') ? 'PUT' : 'POST';
      const headers = keyHeader();
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
        const again = await expectNoEffect(mesh, send);
        expect([again.status, isReplay(again)]).toEqual([200, false]);
        return;
      }
      const retry = await expectNoEffect(mesh, send);
      if (route.endsWith('claim')) {
        expect(retry).toMatchObject({ status: 200, body: { ...first.body, replayed: true } });
        expect(isReplay(retry)).toBe(true);
      } else expectReplay(retry, first);
      const other = { ...Object(body), metadata: { other: true }, reason: 'other' } as object;
      const mismatch = await expectNoEffect(mesh, () =>
        by.call(method, path, { body: other, headers }),
      );
      expect([400, 422]).toContain(mismatch.status);
    },
  );
});
