import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { ClaimAgent, MAX_UNKNOWN, useTwoApps } from '../../support/claim-agent.js';
import { times } from '../../support/kit.js';

/** Agents that claim at the same time, and the closed connections of each. */
const AGENTS = 4;
const ROUNDS = 3;

describe('cancellation of claim_task without an MCP client', () => {
  const apps = useTwoApps();
  let agent: ClaimAgent;

  beforeEach(() => {
    agent = new ClaimAgent(apps);
  });

  afterEach(() => agent.close());

  it('claims nothing after its connection has closed', async () => {
    await expect(agent.claimRaw(1, { signal: AbortSignal.timeout(300) })).rejects.toThrow();
    const taskId = await agent.send();
    expect(await agent.finalStatusOf(taskId)).toBe('pending');
  });

  it('leaves no claimed task behind when its connection closes at any moment', async () => {
    const unknown = await Promise.all(times(AGENTS, () => closedConnections(new ClaimAgent(apps))));
    expect(unknown.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(MAX_UNKNOWN);
  }, 60_000);

  it.each(['the same process', 'another process'])('is cancelled through %s', async (where) => {
    const claiming = agent.claimRaw('a', {});
    await sleep(300);
    expect((await agent.cancelRaw('b')).status).toBe(202);
    const app = where === 'the same process' ? apps.one : apps.other;
    expect((await agent.cancelRaw('a', {}, app)).status).toBe(202);
    expect(await claiming).toMatchObject({ claimed: false });
    expect(await agent.finalStatusOf(await agent.send())).toBe('pending');
  });

  it('is not cancelled by another subject', async () => {
    const claiming = agent.claimRaw(7);
    await sleep(300);
    await agent.cancelRaw(7, {
      headers: { authorization: `Bearer ${tokenFor(agent.role, newSubject('x'))}` },
    });
    await agent.send();
    expect(await claiming).toMatchObject({ claimed: true });
  });

  it('keeps an answered claim when a client uses its request id again', async () => {
    const first = agent.claimRaw(7);
    await sleep(200);
    const taskId = await agent.send();
    expect(await first).toMatchObject({ claimed: true });
    const second = agent.claimRaw(7);
    await sleep(200);
    await agent.cancelRaw(7);
    expect(await second).toMatchObject({ claimed: false });
    expect(await agent.finalStatusOf(taskId)).toBe('active');
  });

  it('is identified by its mcp-session-id', async () => {
    const clientInfo = { name: 'raw', version: '1' };
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
    const labels = await Promise.all(
      [1, 2].map(async () => {
        const { headers } = await agent.post({ id: 0, method: 'initialize', params });
        return { headers: { 'mcp-session-id': headers.get('mcp-session-id') ?? '' } };
      }),
    );
    const [mine = {}, other = {}] = labels;
    const claiming = agent.claimRaw(7, mine);
    await sleep(200);
    await agent.cancelRaw(7, other);
    await agent.cancelRaw(7);
    const taskId = await agent.send();
    expect(await claiming).toMatchObject({ claimed: true });
    await agent.cancelRaw(7, other, apps.other);
    expect(await agent.finalStatusOf(taskId)).toBe('active');
    // The client gave up while the response was on its way.
    await agent.cancelRaw(7, mine, apps.other);
    expect(await agent.finalStatusOf(taskId)).toBe('pending');
  });

  it('is cancelled by a notification that arrives first', async () => {
    const label = { headers: { 'mcp-session-id': newSubject('label') } };
    await agent.cancelRaw(7, label, apps.other);
    await sleep(100);
    expect(await agent.claimRaw(7, label)).toMatchObject({ claimed: false });
  });
});

/** Closes a connection in each round at a random moment; returns how many claims have an unknown recipient. */
async function closedConnections(agent: ClaimAgent): Promise<number> {
  let unknown = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const gone = new AbortController();
    const claiming = agent.claimRaw(round, { signal: gone.signal }).catch(() => undefined);
    await sleep(50);
    const [taskId] = await Promise.all([
      agent.send(),
      sleep(Math.random() * 50).then(() => {
        gone.abort();
      }),
    ]);
    const claimed = await claiming;
    if (!claimed?.claimed && (await agent.finalStatusOf(taskId)) !== 'pending') unknown++;
    await agent.requester.post(`/tasks/${taskId}/cancel`);
  }
  return unknown;
}
