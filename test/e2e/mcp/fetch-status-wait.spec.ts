import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { TRANSPORTS } from '../../support/mcp.js';
import { codeOf, useToolAgents } from '../../support/mcp-tools.js';
import { patient } from '../../support/patience.js';
import { waitingAt } from '../../support/waiting.js';

/** "At once", with room for a busy machine. */
const SOON_MS = 2_000;

describe.each(TRANSPORTS)('fetch_status with wait_seconds over %s', (transport) => {
  const tools = useToolAgents(transport);

  const wait = (id: string, wait_seconds: number, agent = tools.requester) =>
    agent.does('fetch_status', { id, wait_seconds });

  async function millisecondsOf(call: Promise<unknown>): Promise<number> {
    const start = performance.now();
    await call;
    return performance.now() - start;
  }

  async function approvalOf(task_id: string): Promise<string> {
    const args = { task_id, approver_role: tools.manager, reason: 'Over the limit' };
    const { approval_id } = await tools.requester.does('request_approval', args);
    return String(approval_id);
  }

  it('returns when the task has ended, and not when it is claimed', async () => {
    const { task_id } = await tools.send();
    const waiting = wait(task_id, 25);
    await waitingAt(tools.mesh, 1);
    const { session_id } = await tools.claim();
    await tools.worker.does('complete_task', { session_id, result: { total: 7 } });

    const expected = { status: 'completed', task_status: 'completed', result: { total: 7 } };
    expect(await waiting).toMatchObject({ ...expected, task_id, session_id, approval: null });
  });

  it('waits for the last attempt of a task', async () => {
    const { task_id } = await tools.send({ max_attempts: 2 });
    const waiting = wait(task_id.slice('task-'.length).toUpperCase(), 25);
    await waitingAt(tools.mesh, 1);
    for (const error of ['first', 'second']) {
      // The second attempt is due after a pause.
      await tools.mesh.query(`UPDATE sessions SET not_before = NULL WHERE task_id = $1`, [
        task_id.slice('task-'.length),
      ]);
      const { session_id } = await tools.claim({ task_id });
      await tools.worker.does('fail_task', { session_id, error, retryable: true });
    }
    expect(await waiting).toMatchObject({ task_status: 'dead', error: 'second' });
  });

  it('returns when a session has changed', async () => {
    await tools.send();
    const { session_id } = await tools.claim();
    const ids = [session_id, session_id.slice('session-'.length)];
    const waiting = ids.map((id) => wait(id, 25));
    await waitingAt(tools.mesh, ids.length);
    await tools.worker.does('release_task', { session_id, reason: 'No time' });

    for (const status of await Promise.all(waiting)) {
      expect(status).toMatchObject({ session_id, status: 'failed', ended_reason: 'released' });
    }
  });

  it('returns the decision about an approval to everybody that waits for it', async () => {
    const { task_id } = await tools.send();
    const approval_id = await approvalOf(task_id);
    const waiting = Array.from({ length: 4 }, () =>
      tools.requester.call('fetch_status', { id: approval_id, wait_seconds: 25 }),
    );
    await waitingAt(tools.mesh, waiting.length);
    const decide = (decision: string) =>
      tools.worker.call('decide_approval', { approval_id, decision, comments: 'Seen' });
    const decided = await Promise.all([decide('approved'), decide('rejected')]);

    const [winner] = decided.filter(({ isError }) => !isError);
    const status = String(winner?.content.status);
    for (const { content, text } of await Promise.all(waiting)) {
      expect(content).toMatchObject({
        task_id,
        status: 'pending',
        approval: { approval_id, task_id, status, notes: 'Seen', votes: expect.any(Number) },
      });
      expect(text).toContain(`${approval_id} is ${status}, decided by agent-mesh-dev#`);
    }
    const again = wait(approval_id, 25);
    expect(await millisecondsOf(again)).toBeLessThan(patient(SOON_MS));
    expect(await again).toMatchObject({ approval: { status } });
  });

  it('returns the present status at once if it is final, and otherwise when the time is up', async () => {
    const { task_id } = await tools.send();
    expect(await millisecondsOf(wait(task_id, 1))).toBeGreaterThan(900);
    expect(await wait(task_id, 0)).toMatchObject({ status: 'pending' });
    await tools.requester.does('cancel_task', { task_id });
    const ended = wait(task_id, 25);
    expect(await millisecondsOf(ended)).toBeLessThan(patient(SOON_MS));
    expect(await ended).toMatchObject({ task_status: 'cancelled' });
  });

  it('ends the wait when the client cancels the call', async () => {
    const { task_id } = await tools.send();
    for (const id of [task_id, await approvalOf(task_id)]) {
      const cancel = new AbortController();
      const call = { name: 'fetch_status', arguments: { id, wait_seconds: 25 } };
      const waiting = tools.requester.client.callTool(call, { signal: cancel.signal });
      const refused = expect(waiting).rejects.toThrow();
      await waitingAt(tools.mesh, 1);
      cancel.abort();
      await refused;
      expect(await millisecondsOf(waitingAt(tools.mesh, 0))).toBeLessThan(patient(SOON_MS));
    }
  });

  it.each([26, -1, 1.5, 'soon'])('refuses wait_seconds %j', async (wait_seconds) => {
    const { task_id } = await tools.send();
    const refused = await tools.requester.call('fetch_status', { id: task_id, wait_seconds });
    expect(refused.code).toBe('request.invalid');
    expect(refused.text).toContain('arguments/wait_seconds');
  });

  it('does not wait for an object that the caller cannot read', async () => {
    const { task_id } = await tools.send();
    const approval_id = await approvalOf(task_id);
    const stranger = await tools.agent(tokenFor(newSubject('legal'), newSubject('legal')));
    const fetchStatus = (id: string) => stranger.call('fetch_status', { id, wait_seconds: 25 });
    const start = performance.now();
    expect(await codeOf(fetchStatus(task_id))).toBe('session.not_found');
    for (const id of [approval_id, `approval-${randomUUID()}`]) {
      const refused = await fetchStatus(id);
      expect(refused.code).toBe('approval.not_found');
      expect(refused.text).toMatch(/^The approval was not found/);
    }
    expect(performance.now() - start).toBeLessThan(patient(2 * SOON_MS));
    await stranger.close();
  });
});
