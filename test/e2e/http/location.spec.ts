import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { keyHeader } from '../../support/idempotency.js';
import { useSharedApp } from '../../support/kit.js';

describe('Location', () => {
  const mesh = useSharedApp();
  const requester = newSubject('requester');
  const target = newSubject('role');
  const task = { target, task: { task_type: 'review' } };
  const agent = (): Client => new Client(mesh.url, tokenFor(requester, 'location-agent'));
  const admin = (): Client => new Client(mesh.url, tokenFor('admin'));
  const webhook = { url: 'https://hooks.example.com/mesh', types: ['*'] };

  it('is the path of a new task, approval, session or webhook, and is absent from replays', async () => {
    const routed = await agent().post<{ task_id: string }>('/tasks/route', task, keyHeader());
    const { task_id } = routed.body;
    const creations = [
      [agent(), '/tasks/route', task],
      [agent(), '/approvals', { task_id, approver_role: newSubject('approver') }],
      [agent(), '/sessions', { role: requester }],
      [admin(), '/webhooks', webhook],
    ] as const;
    for (const [caller, path, body] of creations) {
      const headers = keyHeader(randomUUID());
      const created = await caller.post(path, body, headers);
      const location = created.headers.get('location') ?? '';
      expect(location).toMatch(/^\/(tasks|approvals|sessions|webhooks)\/[a-z0-9-]+$/);
      expect((await caller.get(location)).status).toBe(200);
      const replay = await caller.post(path, body, headers);
      expect([replay.status, replay.headers.get('location')]).toEqual([200, null]);
    }
  });

  it('has the path of PUBLIC_URL', async () => {
    const proxied = await startTestApp({ env: { PUBLIC_URL: 'https://example.com/mesh' } });
    const client = new Client(proxied.url, tokenFor('finance'));
    const created = await client.post('/sessions', { role: 'finance' });
    await proxied.close();
    expect(created.headers.get('location')).toMatch(/^\/mesh\/sessions\/[0-9a-f-]{36}$/);
  });

  it('is absent from a decision in the form of v0.4', async () => {
    const routed = await agent().post<{ task_id: string }>('/tasks/route', task);
    const decider = new Client(mesh.url, tokenFor(target));
    const body = { task_id: routed.body.task_id, decision: 'approved' };
    const decided = await decider.post('/approvals', body);
    expect([decided.status, decided.headers.get('location')]).toEqual([202, null]);
  });
});
