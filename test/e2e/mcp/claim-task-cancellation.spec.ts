import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client as McpClient } from '@modelcontextprotocol/client';
import { newSubject } from '../../support/app.js';
import { ClaimAgent, MAX_UNKNOWN, useTwoApps } from '../../support/claim-agent.js';
import { times } from '../../support/kit.js';
import { patient } from '../../support/patience.js';

/** Agents that claim at the same time, and the cancelled claims of each. */
const AGENTS = 4;
const ROUNDS = 3;

const HANDSHAKES = { 'the handshake of 2025': 'legacy', 'the handshake of 2026': 'auto' } as const;

type Connect = (agent: ClaimAgent) => Promise<McpClient>;

const CONNECTIONS = Object.entries(HANDSHAKES).flatMap(([handshake, mode]): [string, Connect][] => [
  [`HTTP, ${handshake}`, (agent) => agent.connect(agent.overHttp(), mode)],
  [`HTTP, ${handshake}, two processes`, (agent) => agent.connect(agent.overBalancedHttp(), mode)],
  [`stdio, ${handshake}`, (agent) => agent.connect(agent.overStdio(), mode)],
]);

describe('cancellation of claim_task', () => {
  const apps = useTwoApps();
  let agent: ClaimAgent;

  beforeEach(() => {
    agent = new ClaimAgent(apps);
  });

  afterEach(() => agent.close());

  describe.each(CONNECTIONS)('over %s', (name, connect) => {
    it('claims nothing after a timeout or a cancellation', async () => {
      const client = await connect(agent);
      await expect(agent.claim(client, {}, { timeout: 300 })).rejects.toThrow();
      const given = AbortSignal.timeout(300);
      await expect(agent.claim(client, {}, { signal: given })).rejects.toThrow();
      const taskId = await agent.send();
      expect(await agent.finalStatusOf(taskId)).toBe('pending');
      expect(await agent.claim(client)).toMatchObject({ claimed: true });
    });

    it('leaves no claimed task without a recipient, whenever it is cancelled', async () => {
      const closesConnection = name.startsWith('HTTP, the handshake of 2026');
      const unknown = await Promise.all(
        times(AGENTS, async (lane) => {
          const own = new ClaimAgent(apps);
          try {
            return await cancelledClaims(own, await connect(own), lane, closesConnection);
          } finally {
            await own.close();
          }
        }),
      );
      expect(unknown.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(MAX_UNKNOWN);
    }, 60_000);
  });

  it('waits less than the timeout of clients by default', async () => {
    const client = await agent.connect(agent.overHttp());
    const started = performance.now();
    const { structuredContent } = await client.callTool({ name: 'claim_task', arguments: {} });
    expect(structuredContent).toMatchObject({ claimed: false });
    expect(performance.now() - started).toBeLessThan(patient(4_500));
    expect(performance.now() - started).toBeGreaterThan(2_000);
  });

  it('replays with its idempotency key', async () => {
    const taskId = await agent.send();
    const key = { idempotency_key: newSubject('key') };
    const first = await agent.connect(agent.overHttp());
    expect(await agent.claim(first, key)).toMatchObject({ claimed: true, replayed: false });
    const again = await agent.connect(agent.overHttp());
    expect(await agent.claim(again, key)).toMatchObject({ claimed: true, replayed: true });
    expect(await agent.statusOf(taskId)).toBe('active');
  });

  it('claims nothing once it is cancelled, and claims with the same key afterwards', async () => {
    const client = await agent.connect(agent.overHttp());
    const key = { idempotency_key: newSubject('key') };
    await expect(agent.claim(client, key, { timeout: 200 })).rejects.toThrow();
    const taskId = await agent.send();
    expect(await agent.finalStatusOf(taskId)).toBe('pending');
    expect(await agent.claim(client, key)).toMatchObject({ claimed: true, replayed: false });
  });

  it('replays with the current status of the session', async () => {
    await agent.send();
    const client = await agent.connect(agent.overHttp());
    const { session_id, idempotency_key } = await agent.claim(client);
    await agent.worker.post(`/sessions/${session_id ?? ''}/release`, {});
    const again = await agent.claim(client, { idempotency_key });
    expect(again).toMatchObject({ claimed: false, session_id, replayed: true });
    expect(again.status).not.toBe('active');
    expect(again.status).not.toBe('pending');
  });
});

/** Cancels a claim in each round at a random moment; returns how many claims have an unknown recipient. */
async function cancelledClaims(
  agent: ClaimAgent,
  client: McpClient,
  lane: number,
  closesConnection: boolean,
): Promise<number> {
  let unknown = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const cancel = new AbortController();
    const claiming = agent.claim(client, {}, { signal: cancel.signal }).catch(() => undefined);
    if ((lane + round) % 3 === 0) await sleep(50);
    const [taskId] = await Promise.all([
      agent.send(),
      sleep(Math.random() * 60).then(() => {
        cancel.abort();
      }),
    ]);
    const claimed = await claiming;
    const status = await agent.finalStatusOf(taskId);
    const isUnknown = !claimed && status === 'active' && closesConnection;
    if (isUnknown) unknown++;
    else expect([round, status]).toEqual([round, claimed?.claimed ? 'active' : 'pending']);
    await agent.requester.post(`/tasks/${taskId}/cancel`);
  }
  return unknown;
}
