import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { TRANSPORTS } from '../../support/mcp.js';
import { codeOf, useToolAgents } from '../../support/mcp-tools.js';

describe.each(TRANSPORTS)('MCP tools that write over %s', (transport) => {
  const tools = useToolAgents(transport);

  it('return the idempotency key, and run once with it', async () => {
    const first = await tools.send();
    const again = await tools.send({ idempotency_key: first.idempotency_key });

    expect(first.replayed).toBe(false);
    expect(again).toEqual({ ...first, replayed: true });
  });

  it('share the key with the route', async () => {
    const key = randomUUID();
    const { task_id } = await tools.send({ idempotency_key: key });
    const over = await tools.requesterHttp.post(
      '/tasks/route',
      { target: tools.manager, task: { task_type: 'budget_approval' } },
      { 'idempotency-key': key },
    );

    expect(over).toMatchObject({ status: 200, body: { task_id } });
    expect(over.headers.get('idempotent-replayed')).toBe('true');
  });

  it('refuse a key of another request', async () => {
    const { idempotency_key } = await tools.send();
    const refused = await tools.requester.call('send_task', {
      target: tools.manager,
      task_type: 'another',
      idempotency_key,
    });
    expect(refused).toMatchObject({ code: 'idempotency.payload_mismatch' });
    expect(refused.text).toContain(`idempotency_key: ${idempotency_key}`);
  });

  it('run once for concurrent calls with one key', async () => {
    const idempotency_key = randomUUID();
    const all = await Promise.all(Array.from({ length: 8 }, () => tools.send({ idempotency_key })));

    expect(new Set(all.map(({ task_id }) => task_id)).size).toBe(1);
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  it('use the given trace id', async () => {
    const trace_id = randomUUID();
    expect(await tools.send({ trace_id })).toMatchObject({ trace_id });
  });

  it('fail_task retries a retryable failure, and no other', async () => {
    const { task_id } = await tools.send();
    const { session_id } = await tools.claim();
    const failed = await tools.worker.does('fail_task', {
      session_id,
      error: 'The ledger is closed',
      retryable: true,
    });
    expect(failed).toMatchObject({ status: 'failed' });
    expect(await tools.requester.does('fetch_status', { id: task_id })).toMatchObject({
      status: 'pending',
    });
    expect(await tools.requester.does('fetch_status', { id: session_id })).toMatchObject({
      status: 'failed',
      error: 'The ledger is closed',
    });
  });

  it('release_task releases the task', async () => {
    const { task_id } = await tools.send();
    const { session_id } = await tools.claim();
    const released = await tools.worker.does('release_task', {
      session_id,
      reason: 'No tool for it',
    });
    expect(released).toMatchObject({ status: 'failed', lease_expires_at: null });

    expect(await tools.claim()).toMatchObject({ claimed: true, task: { task_id } });
    expect(await codeOf(tools.worker.call('heartbeat', { session_id }))).toBe('session.ended');
  });

  it('heartbeat reports a cancelled task', async () => {
    const { task_id } = await tools.send();
    const { session_id } = await tools.claim();
    const cancelled = await tools.requester.does('cancel_task', {
      task_id,
      reason: 'The budget was cut',
    });
    expect(cancelled).toMatchObject({ task_id, status: 'cancelled' });

    const refused = await tools.worker.call('heartbeat', { session_id });
    expect(refused).toMatchObject({ code: 'task.cancelled' });
    expect(refused.text).toContain('Next: Stop working on it');
    expect(await codeOf(tools.requester.call('cancel_task', { task_id }))).toBe('task.finished');
  });

  it('cancel_task cancels child tasks', async () => {
    const { task_id } = await tools.send();
    const { task_id: below } = await tools.requester.does('send_task', {
      ...{ target: tools.manager, task_type: 'part', parent_task_id: task_id },
    });
    const cancelled = await tools.requester.call('cancel_task', { task_id, cascade: true });
    expect(cancelled.text).toContain(String(below));
    expect(cancelled.content).toMatchObject({
      ...{ task_id, status: 'cancelled', cancelled_tasks: [task_id, below] },
    });
    const refused = tools.requester.call('send_task', {
      ...{ target: tools.manager, task_type: 'part', parent_task_id: task_id },
    });
    expect(await codeOf(refused)).toBe('task.cancelled');
  });

  it('complete_task takes the id of the session, not of the task', async () => {
    const { task_id } = await tools.send();
    await tools.claim();
    const refused = await tools.worker.call('complete_task', { session_id: task_id });
    expect(refused).toMatchObject({ code: 'session.id_required' });
    expect(refused.text).toContain('Pass the session_id that claim_task returned');
  });
});
