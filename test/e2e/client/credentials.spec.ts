import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, Worker } from '@agent-mesh/client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';
import { OidcProvider } from '../../support/oidc-provider.js';

const SECRET = 'a secret+of:clients';

describe('A worker with client credentials', () => {
  let provider: OidcProvider;
  let mesh: TestApp;

  beforeAll(async () => {
    provider = await OidcProvider.start({
      roles: { 'finance-agent': ['finance'], 'manager-agent': ['manager'] },
      clients: { 'finance-agent': SECRET, 'manager-agent': SECRET },
      accessTokenSeconds: 2,
    });
    const env = { ...provider.controllerEnv, JWT_SECRET: '', LEASE_MIN_SECONDS: '2' };
    mesh = await startTestApp({ env });
  });

  afterAll(async () => {
    await mesh.close();
    await provider.close();
  });

  const clientOf = (clientId: string) =>
    createClient({
      baseUrl: mesh.url,
      clientCredentials: { issuer: provider.issuer, clientId, clientSecret: SECRET },
    });

  it('renews its token while it works, before the token expires', async () => {
    const finance = clientOf('finance-agent');
    const worker = new Worker(clientOf('manager-agent'), {
      role: 'manager',
      leaseSeconds: 2,
      handleSignals: false,
    }).on('review', async () => {
      await sleep(5_000);
      return { done: true };
    });
    const working = worker.start();
    const { task_id } = await finance.tasks.route({
      target: 'manager',
      task: { task_type: 'review' },
    });
    const result = await finance.tasks.result(task_id, { timeoutMs: 60_000 });
    await worker.stop();
    await working;

    expect(result).toEqual({ done: true });
    // The task takes longer than two tokens live.
    const ofWorker = provider.clients.filter((id) => id === 'manager-agent');
    expect(ofWorker.length).toBeGreaterThanOrEqual(2);
    expect((await finance.tasks.get(task_id)).attempts).toHaveLength(1);
  });
});
