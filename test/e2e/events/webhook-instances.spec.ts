import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { routeTask, times, useTwoApps } from '../../support/kit.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

const TASKS = 200;
const MAX_WAIT_MS = 60_000;

describe('webhooks of two instances', () => {
  const [mesh, other] = useTwoApps({});
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
  });
  afterAll(() => receiver.close());

  it('are sent by one instance at a time: each event once, in the order of its task, at most four at a time', async () => {
    let present = 0;
    let most = 0;
    receiver.respond = (_, response) => {
      present += 1;
      most = Math.max(most, present);
      void sleep(Math.random() * 5).then(() => {
        present -= 1;
        response.writeHead(204).end();
      });
    };
    const types = ['task.routed', 'task.cancelled'];
    const created = await mesh.agent('admin').post('/webhooks', { url: receiver.url, types });
    expect(created.status).toBe(201);
    const apps = [mesh, other];
    await Promise.all(
      times(TASKS, async (index) => {
        const task = await routeTask(apps[index % 2] ?? mesh, 'finance', 'manager');
        await (apps[(index + 1) % 2] ?? mesh).agent('finance').post(`/tasks/${task}/cancel`, {});
      }),
    );
    await receiver.untilCount(2 * TASKS, MAX_WAIT_MS);
    await sleep(500);

    expect(receiver.received).toHaveLength(2 * TASKS);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(2 * TASKS);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
    const tasks = new Set(receiver.received.map(({ event }) => event.subject));
    for (const task of tasks) {
      const ofTask = receiver.received.filter(({ event }) => event.subject === task);
      expect(ofTask.map(({ event }) => event.type)).toEqual(types);
    }
  }, 120_000);
});
