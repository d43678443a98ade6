import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Client } from '../../support/client.js';
import { untilSequenced } from '../../support/events.js';
import { eventually } from '../../support/eventually.js';
import { expectProblem, routeTask, useTwoApps } from '../../support/kit.js';
import { isSigned, WebhookReceiver } from '../../support/webhook-receiver.js';

interface Webhook {
  id: string;
  secret: string;
  status: string;
  failures: number;
}

interface Deliveries {
  deliveries: {
    position: number;
    type: string;
    status: string;
    next_attempt_at: string | null;
    attempts: { status: number | null; error: string | null; response: string }[];
  }[];
  next_cursor: string | null;
}

describe('webhooks', () => {
  const [mesh] = useTwoApps({ SWEEP_INTERVAL_SECONDS: '1' });
  let admin: Client;
  let receiver: WebhookReceiver;
  const created: string[] = [];

  beforeAll(() => {
    admin = mesh.agent('admin');
  });

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
  });

  afterEach(async () => {
    for (const id of created.splice(0)) await admin.call('DELETE', `/webhooks/${id}`);
    await receiver.close();
  });

  async function create(body: Record<string, unknown> = {}): Promise<Webhook> {
    const answer = await admin.post<Webhook>('/webhooks', {
      url: receiver.url,
      types: ['*'],
      ...body,
    });
    expect(answer.status).toBe(201);
    created.push(answer.body.id);
    return answer.body;
  }

  async function deliveriesOf(id: string, query = ''): Promise<Deliveries['deliveries']> {
    const { body } = await admin.get<Deliveries>(`/webhooks/${id}/deliveries${query}`);
    return body.deliveries;
  }

  /** Makes the pending deliveries of a webhook due now. */
  function hurry(id: string): Promise<unknown> {
    return mesh.query(
      `UPDATE webhook_deliveries SET next_attempt_at = clock_timestamp() WHERE webhook_id = $1 AND status = 'pending'`,
      [id],
    );
  }

  it('sends each event once, signed, with the id of its position', async () => {
    const { id, secret } = await create({ types: ['task.routed'] });
    const task = await routeTask(mesh, 'finance', 'manager');
    await receiver.untilCount(1);
    await untilSequenced(mesh);

    const [received] = receiver.received;
    expect(received?.event).toMatchObject({
      specversion: '1.0',
      type: 'task.routed',
      subject: task,
    });
    expect(received?.id).toBe(`evt_${received?.event.sequence}`);
    expect(received?.headers['content-type']).toBe('application/cloudevents+json');
    expect(received && isSigned(received, secret)).toBe(true);
    const deliveries = await eventually(
      () => deliveriesOf(id),
      ([delivery]) => delivery?.status === 'delivered',
    );
    expect(deliveries).toMatchObject([
      { type: 'task.routed', status: 'delivered', attempts: [{ status: 204, error: null }] },
    ]);
    expect(receiver.received).toHaveLength(1);
  });

  it('sends only what the role may read', async () => {
    await create({ role: 'sales', types: ['task.routed'] });
    await routeTask(mesh, 'finance', 'manager');
    const own = await routeTask(mesh, 'sales', 'legal');
    await receiver.untilCount(1);

    expect(receiver.received.map(({ event }) => event.subject)).toEqual([own]);
  });

  it('repeats a failed attempt with the same id, and keeps the order of the events of a task', async () => {
    const { id } = await create({ types: ['task.routed', 'task.claimed', 'task.cancelled'] });
    let isBroken = true;
    receiver.respond = (_, response) => response.writeHead(isBroken ? 500 : 200).end('no');
    const task = await routeTask(mesh, 'finance', 'manager');
    await receiver.untilCount(1);
    await mesh.agent('finance').post(`/tasks/${task}/cancel`, {});
    const other = await routeTask(mesh, 'finance', 'manager');
    await receiver.untilCount(2);

    expect(receiver.received.map(({ event }) => event.subject)).toEqual([task, other]);
    const failed = await eventually(
      () => deliveriesOf(id, '?status=pending'),
      (all) =>
        all.every(({ attempts, type }) => type === 'task.cancelled' || attempts.length === 1),
    );
    expect(failed.at(-1)).toMatchObject({
      next_attempt_at: expect.any(String),
      attempts: [{ status: 500, error: null, response: 'no' }],
    });
    isBroken = false;
    await hurry(id);
    await receiver.untilCount(5);

    const ofTask = receiver.received.filter(({ event }) => event.subject === task);
    expect(ofTask.map(({ event }) => event.type)).toEqual([
      'task.routed',
      'task.routed',
      'task.cancelled',
    ]);
    expect(ofTask[0]?.id).toBe(ofTask[1]?.id);
    expect((await admin.get<Webhook>(`/webhooks/${id}`)).body.failures).toBe(0);
  });

  it('follows no redirect', async () => {
    const { id } = await create({ types: ['task.routed'] });
    receiver.respond = (_, response) => response.writeHead(302, { location: receiver.url }).end();
    await routeTask(mesh, 'finance', 'manager');
    const [delivery] = await eventually(
      () => deliveriesOf(id),
      ([first]) => first?.attempts.length === 1,
    );

    expect(delivery).toMatchObject({ status: 'pending', attempts: [{ status: 302 }] });
    expect(receiver.received).toHaveLength(1);
  });

  it('ends a webhook that is gone, and records that', async () => {
    const { id } = await create({ types: ['task.routed'] });
    receiver.respond = (_, response) => response.writeHead(410).end();
    await routeTask(mesh, 'finance', 'manager');
    const { status } = await eventually(
      async () => (await admin.get<Webhook>(`/webhooks/${id}`)).body,
      (webhook) => webhook.status !== 'enabled',
    );

    expect(status).toBe('gone');
    expect(await deliveriesOf(id)).toMatchObject([{ status: 'failed' }]);
    const events = await mesh.query(
      `SELECT metadata->>'status' AS status FROM audit_events
        WHERE event_type = 'webhook_disabled' AND metadata->>'webhook_id' = $1`,
      [id],
    );
    expect(events).toEqual([{ status: 'gone' }]);
    expectProblem(await admin.post(`/webhooks/${id}/test`), 409, 'webhook.disabled');
  });

  it('disables a webhook after 20 failures in 5 days, and continues where it stopped when it is enabled', async () => {
    const { id } = await create({ types: ['task.routed'] });
    receiver.respond = (_, response) => response.writeHead(503).end();
    await mesh.query(
      `UPDATE webhooks SET failures = 19, failing_since = now() - interval '6 days' WHERE id = $1`,
      [id],
    );
    await routeTask(mesh, 'finance', 'manager');
    const webhook = await eventually(
      async () => (await admin.get<Webhook>(`/webhooks/${id}`)).body,
      ({ status }) => status !== 'enabled',
    );
    expect(webhook.status).toBe('disabled_failing');
    const count = receiver.received.length;

    const later = await routeTask(mesh, 'finance', 'manager');
    receiver.respond = (_, response) => response.writeHead(204).end();
    await admin.call('PATCH', `/webhooks/${id}`, { body: { status: 'enabled' } });
    await hurry(id);
    await receiver.untilCount(count + 2);
    expect(receiver.received.map(({ event }) => event.subject)).toContain(later);
  });

  it('signs with both secrets during a rotation', async () => {
    const { id, secret } = await create({ types: ['task.routed'] });
    const rotated = await admin.post<Webhook>(`/webhooks/${id}/rotate`, { overlap_seconds: 60 });
    await routeTask(mesh, 'finance', 'manager');
    await receiver.untilCount(1);
    const [first] = receiver.received;
    expect(first && isSigned(first, secret)).toBe(true);
    expect(first && isSigned(first, rotated.body.secret)).toBe(true);

    const last = await admin.post<Webhook>(`/webhooks/${id}/rotate`, { overlap_seconds: 0 });
    await routeTask(mesh, 'finance', 'manager');
    await receiver.untilCount(2);
    const [, second] = receiver.received;
    expect(second && isSigned(second, rotated.body.secret)).toBe(false);
    expect(second && isSigned(second, last.body.secret)).toBe(true);
  });

  it('sends a test event whatever the types are, an event again, and a part of the log again', async () => {
    const { id } = await create({ types: ['task.cancelled'] });
    expect((await admin.post(`/webhooks/${id}/test`)).status).toBe(202);
    await receiver.untilCount(1);
    expect(receiver.received[0]?.event.type).toBe('webhook.tested');

    const position = Number(receiver.received[0]?.event.sequence);
    const again = await admin.post(`/webhooks/${id}/deliveries/${position}/redeliver`);
    expect(again.status).toBe(202);
    await receiver.untilCount(2);
    expect(receiver.received[1]?.id).toBe(receiver.received[0]?.id);

    await admin.call('PATCH', `/webhooks/${id}`, { body: { types: ['task.routed'] } });
    const replay = await admin.post<{ count: number }>(`/webhooks/${id}/replay`, { after: '0' });
    expect(replay.status).toBe(202);
    expect(replay.body.count).toBeGreaterThan(1);
    await receiver.untilCount(2 + replay.body.count);
    const since = await admin.post<{ count: number }>(`/webhooks/${id}/replay`, {
      since: '2020-01-01T00:00:00Z',
      only_failed: true,
    });
    expect(since.body.count).toBe(0);
  });

  it.each([204, 500])(
    'sends an event again that was scheduled again during a request (%d)',
    async (status) => {
      let end = (): void => undefined;
      receiver.respond = (_, response) => (end = () => response.writeHead(status).end());
      const { id } = await create({ types: ['task.routed'] });
      await routeTask(mesh, 'finance', 'manager');
      await receiver.untilCount(1);
      const position = Number(receiver.received[0]?.event.sequence);
      const again = await admin.post(`/webhooks/${id}/deliveries/${position}/redeliver`);
      expect(again.status).toBe(202);
      receiver.respond = (_, response) => response.writeHead(204).end();
      end();
      await receiver.untilCount(2);
      expect(receiver.received[1]?.id).toBe(receiver.received[0]?.id);
      await eventually(
        async () => (await deliveriesOf(id))[0]?.status,
        (now) => now === 'delivered',
      );
      expect((await deliveriesOf(id))[0]?.attempts).toHaveLength(2);
      expect(receiver.received).toHaveLength(2);
    },
  );

  it('does not store the secret readably, and returns it to a retry with the same key', async () => {
    const key = randomUUID();
    const body = { url: receiver.url, types: ['task.cancelled'] };
    const first = await admin.post<Webhook>('/webhooks', body, { 'idempotency-key': key });
    created.push(first.body.id);
    const replay = await admin.post<Webhook>('/webhooks', body, { 'idempotency-key': key });

    expect(replay.status).toBe(200);
    expect(replay.text).toBe(first.text);
    const stored = await mesh.query(
      `SELECT 1 FROM idempotency_records WHERE response_body LIKE '%' || $1 || '%'
       UNION ALL SELECT 1 FROM webhooks WHERE position($2::bytea in secret) > 0`,
      [first.body.secret, first.body.secret],
    );
    expect(stored).toEqual([]);
    expect((await admin.get<Webhook>(`/webhooks/${first.body.id}`)).body).not.toHaveProperty(
      'secret',
    );
  });

  it('records every change of a webhook', async () => {
    const { id } = await create();
    await admin.call('PATCH', `/webhooks/${id}`, { body: { description: 'x' } });
    await admin.post(`/webhooks/${id}/rotate`, {});
    await admin.call('DELETE', `/webhooks/${id}`);
    created.pop();
    const events = await mesh.query(
      `SELECT event_type FROM audit_events WHERE metadata->>'webhook_id' = $1 ORDER BY n`,
      [id],
    );

    expect(events.map(({ event_type }) => event_type)).toEqual([
      'webhook_created',
      'webhook_updated',
      'webhook_secret_rotated',
      'webhook_deleted',
    ]);
  });

  it('refuses a change of a version that is not the present one', async () => {
    const { id } = await create();
    const { headers } = await admin.get(`/webhooks/${id}`);
    const etag = headers.get('etag') ?? '';
    const change = (description: string) =>
      admin.call('PATCH', `/webhooks/${id}`, {
        body: { description },
        headers: { 'if-match': etag },
      });
    const answers = await Promise.all([change('a'), change('b'), change('c')]);

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
  });

  it.each([
    ['https://user:secret@hooks.example.com/', 'credentials'],
    ['https://hooks.example.com/#x', 'fragment'],
    ['ftp://hooks.example.com/', 'https'],
    ['not a url', 'URL'],
    ['https://10.0.0.1/', 'not public'],
    ['https://169.254.169.254/latest/meta-data', 'not public'],
    ['https://[::1]/', 'not public'],
    ['https://[::ffff:10.0.0.1]/', 'not public'],
    ['https://0.0.0.0/', 'not public'],
    ['https://2130706434.example@192.168.0.1/', 'credentials'],
    ['https://0xa000001/', 'not public'],
  ])('refuses the URL %s', async (url, reason) => {
    const answer = await admin.post('/webhooks', { url, types: ['*'] });

    expectProblem(answer, 400, 'webhook.url_refused');
    expect(answer.body.detail).toContain(reason);
  });

  it.each([
    ['types', { types: [] }],
    ['types', { types: ['nonsense'] }],
    ['role', { role: '' }],
    ['task_id', { task_id: 'x' }],
  ])('refuses %s: %j', async (_, body) => {
    const answer = await admin.post('/webhooks', { url: receiver.url, types: ['*'], ...body });
    expectProblem(answer, 400, 'request.invalid');
  });

  it('answers 404 for a webhook that does not exist', async () => {
    const path = `/webhooks/${randomUUID()}`;
    for (const answer of [
      await admin.get(path),
      await admin.call('PATCH', path, { body: {} }),
      await admin.call('DELETE', path),
      await admin.post(`${path}/rotate`, {}),
      await admin.post(`${path}/test`),
      await admin.post(`${path}/replay`, { after: '0' }),
      await admin.get(`${path}/deliveries`),
    ]) {
      expectProblem(answer, 404, 'webhook.not_found');
    }
  });
});
