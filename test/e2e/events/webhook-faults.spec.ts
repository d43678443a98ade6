import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import {
  newDatabase,
  newSubject,
  startTestApp,
  type TestApp,
  tokenFor,
} from '../../support/app.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { eventually, until } from '../../support/eventually.js';
import { routeTask, useApp } from '../../support/kit.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

const TYPES = ['task.routed', 'task.cancelled'];

interface Delivery {
  status: string;
  attempts: { status: number | null; error: string | null }[];
  next_attempt_at: string | null;
}

const HURRY = `
  UPDATE webhook_deliveries SET next_attempt_at = clock_timestamp() WHERE status = 'pending'`;

describe('a webhook', () => {
  const mesh = useApp();
  let admin: Client;

  beforeAll(() => {
    admin = mesh.agent('admin');
  });

  async function create(url: string): Promise<string> {
    const { body } = await admin.post<{ id: string }>('/webhooks', { url, types: TYPES });
    return body.id;
  }

  /** Waits until the first attempts of all deliveries have an outcome. */
  function attempted(id: string): Promise<Delivery[]> {
    return eventually(
      async () =>
        (await admin.get<{ deliveries: Delivery[] }>(`/webhooks/${id}/deliveries`)).body.deliveries,
      (all) => all.length > 0 && all.every(({ attempts }) => attempts.length > 0),
    );
  }

  it('whose receiver is down receives the events when it is up again', async () => {
    const down = await WebhookReceiver.start(await freePort());
    const { url, port } = down;
    await down.close();
    const id = await create(url);
    const task = await routeTask(mesh, 'finance', 'manager');
    expect(await attempted(id)).toMatchObject([
      { status: 'pending', attempts: [{ status: null, error: 'connection' }] },
    ]);

    const receiver = await WebhookReceiver.start(port);
    await mesh.query(HURRY);
    await receiver.untilCount(1);
    expect(receiver.received[0]?.event.subject).toBe(task);
    await admin.call('DELETE', `/webhooks/${id}`);
    await receiver.close();
  });

  it('is not called again before the time of Retry-After', async () => {
    const receiver = await WebhookReceiver.start();
    receiver.respond = (_, response) => response.writeHead(429, { 'retry-after': '3600' }).end();
    const id = await create(receiver.url);
    await routeTask(mesh, 'finance', 'manager');
    const [delivery] = await attempted(id);
    const seconds = (Date.parse(delivery?.next_attempt_at ?? '') - Date.now()) / 1000;

    expect(seconds).toBeGreaterThan(3500);
    expect(seconds).toBeLessThan(3700);
    await admin.call('DELETE', `/webhooks/${id}`);
    await receiver.close();
  });
});

describe('a webhook of an instance that ends during an attempt', () => {
  let databaseUrl: string;
  let receiver: WebhookReceiver;
  let successor: TestApp | undefined;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    receiver = await WebhookReceiver.start();
  });

  afterAll(async () => {
    await successor?.close();
    await receiver.close();
    await dropTestDatabase(databaseUrl);
  });

  const clientOf = ({ url }: ControllerProcess, role: string): Client =>
    new Client(url, tokenFor(role, newSubject(role)));

  it('is sent again by another with the same id, before the later events of the task', async () => {
    // Never responds.
    receiver.respond = () => undefined;
    const first = await ControllerProcess.start({ databaseUrl });
    await clientOf(first, 'admin').post('/webhooks', { url: receiver.url, types: TYPES });
    const finance = clientOf(first, 'finance');
    const { body } = await finance.post<{ task_id: string }>('/tasks/route', {
      target: 'manager',
      task: { task_type: 'approval' },
    });
    await receiver.untilCount(1);
    await finance.post(`/tasks/${body.task_id}/cancel`, {});
    first.kill('SIGKILL');
    await first.ended;

    receiver.respond = (_, response) => response.writeHead(204).end();
    successor = await startTestApp({ databaseUrl });
    const { dataSource } = successor;
    const query = (text: string) => dataSource.query<unknown[]>(text);
    const claimed = `SELECT 1 FROM webhook_deliveries WHERE sending_until > clock_timestamp()`;
    expect(await query(claimed)).toHaveLength(1);
    await until(async () => (await query('SELECT 1 FROM webhook_deliveries')).length === 2);
    expect(receiver.received).toHaveLength(1);
    await query(
      `UPDATE webhook_deliveries SET sending_until = clock_timestamp() WHERE sending_until IS NOT NULL`,
    );
    await receiver.untilCount(3);

    const [lost, again, next] = receiver.received;
    expect(again?.id).toBe(lost?.id);
    expect(again?.body).toBe(lost?.body);
    expect([again, next].map((received) => received?.event.type)).toEqual(TYPES);
  });

  it('is sent by another at once, without a failure, if it ends in order', async () => {
    receiver.received.length = 0;
    receiver.respond = () => undefined;
    await successor?.close();
    successor = undefined;
    const stopping = await startTestApp({ databaseUrl });
    await routeTask(stopping, 'finance', 'manager');
    await receiver.untilCount(1);
    await stopping.close();

    receiver.respond = (_, response) => response.writeHead(204).end();
    successor = await startTestApp({ databaseUrl });
    await receiver.untilCount(2);
    expect(receiver.received[1]?.id).toBe(receiver.received[0]?.id);
    expect(await successor.query('SELECT failures FROM webhooks')).toEqual([{ failures: 0 }]);
  });
});
