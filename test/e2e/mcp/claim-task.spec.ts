import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { TRANSPORTS } from '../../support/mcp.js';
import { codeOf, type ClaimedTask, useToolAgents } from '../../support/mcp-tools.js';

describe.each(TRANSPORTS)('claim_task over %s', (transport) => {
  const tools = useToolAgents(transport);

  it('waits for a task', async () => {
    const [claimed] = await Promise.all([
      tools.claim({ wait_seconds: 25 }),
      new Promise((resolve) => setTimeout(resolve, 300)).then(() => tools.send()),
    ]);
    expect(claimed).toMatchObject({ claimed: true, status: 'active' });
  });

  it('returns claimed false when no task comes', async () => {
    expect(await tools.claim({ wait_seconds: 1 })).toMatchObject({ claimed: false, task: null });
  });

  it('gives each task to one of many agents', async () => {
    const workers = await Promise.all(
      Array.from({ length: 4 }, () => tools.agent(tokenFor(tools.manager, newSubject('worker')))),
    );
    const waiting = workers.map((one) => one.does<ClaimedTask>('claim_task', { wait_seconds: 4 }));
    const sent = await Promise.all([tools.send(), tools.send()]);
    const claims = await Promise.all(waiting);
    await Promise.all(workers.map((one) => one.close()));

    const won = claims.filter(({ claimed }) => claimed).map(({ task }) => task.task_id);
    expect(won.sort()).toEqual(sent.map(({ task_id }) => task_id).sort());
  });

  it('claims by id, by type, and a notification', async () => {
    const { task_id } = await tools.send({ task_type: 'rare' });
    expect(await tools.claim({ task_types: ['other'] })).toMatchObject({ claimed: false });
    expect(await tools.claim({ task_id })).toMatchObject({ claimed: true, task: { task_id } });
    expect(await codeOf(tools.worker.call('claim_task', { task_id }))).toBe('task.claimed');

    await tools.requester.does('notify', { target: tools.manager, message: 'Signed' });
    expect(await tools.claim()).toMatchObject({ claimed: true, status: 'completed' });
  });

  it('returns the reason and the end of a pause', async () => {
    const admin = new Client(tools.mesh.url, tokenFor('admin', newSubject('admin')));
    await tools.send();
    const { task_id } = await tools.send();
    const path = `/roles/${tools.manager}`;
    const until = '2099-01-31T12:00:00.000Z';
    await admin.post(`${path}/pause`, { reason: 'Büro zu (Feiertag)', until });

    for (const wait_seconds of [0, 1]) {
      const reply = await tools.worker.call('claim_task', { wait_seconds });
      const paused = `Büro zu (Feiertag) (until ${until})`;
      expect(reply.content).toMatchObject({ claimed: false, paused, task: null });
      expect(reply.text).toContain(`The role is paused: ${paused}`);
    }
    expect(await codeOf(tools.worker.call('claim_task', { task_id }))).toBe('role.paused');

    await admin.post(`${path}/resume`, {});
    expect(await tools.claim({ task_id })).toMatchObject({ claimed: true, paused: null });
  });

  it('replays at once with its key', async () => {
    await tools.send();
    const idempotency_key = randomUUID();
    const first = await tools.claim({ idempotency_key });
    const again = await tools.claim({ idempotency_key, wait_seconds: 25 });

    expect(again).toEqual({ ...first, replayed: true });
  });

  it('replays with its key and another lease_seconds', async () => {
    await tools.send();
    const idempotency_key = randomUUID();
    const first = await tools.claim({ idempotency_key, lease_seconds: 60 });
    expect(first.claimed).toBe(true);
    for (const lease of [{ lease_seconds: 600 }, {}]) {
      const again = await tools.claim({ idempotency_key, wait_seconds: 25, ...lease });
      expect(again).toEqual({ ...first, replayed: true });
    }
  });
});
