import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newDatabase } from '../../support/app.js';
import type { BalancerKind } from '../../support/balancer-configuration.js';
import { Balancer } from '../../support/balancer.js';
import { runHistory, startController } from '../../support/history-run.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { chaosSeed } from '../../support/random.js';

const KINDS: BalancerKind[] = ['nginx', 'haproxy'];
/** Longer than HAProxy takes to use a controller that is back. */
const PHASE_MS = 8_000;

/** With the configurations of docs/operations/proxies.md. */
describe('Two controllers behind a proxy, under load', () => {
  const seed = chaosSeed();
  let databaseUrl: string;
  let balancer: Balancer | undefined;

  beforeEach(async () => {
    balancer = undefined;
    databaseUrl = await newDatabase();
  });

  afterEach(async () => {
    await balancer?.stop();
    await dropTestDatabase(databaseUrl);
  });

  it.each(KINDS)(
    '%s: each is replaced, and each request has one effect and a response',
    async (kind) => {
      const env = { DATABASE_URL: databaseUrl, TRUST_PROXY: '1', SHUTDOWN_DELAY_SECONDS: '8' };
      const { violations, ...report } = await runHistory({
        seed,
        env,
        front: async (controllers) => {
          balancer = await Balancer.start(kind, urlsOf(controllers), { isDocumented: true });
          return balancer.url;
        },
        during: async (controllers) => {
          await sleep(PHASE_MS);
          for (let index = 0; index < 2; index += 1) {
            const [replaced] = controllers.splice(0, 1);
            if (!replaced) throw new Error('there are two controllers');
            // nginx has no health checks: the server leaves its upstream before SIGTERM.
            if (kind === 'nginx') await balancer?.reload(urlsOf(controllers));
            const { port } = new URL(replaced.url);
            replaced.kill('SIGTERM');
            await replaced.ended;
            controllers.push(await startController({ ...env, PORT: port }));
            if (kind === 'nginx') await balancer?.reload(urlsOf(controllers));
            await sleep(PHASE_MS);
          }
        },
        result: () => databaseUrl,
      });
      process.stderr.write(`${JSON.stringify({ seed, kind, ...report })}\n`);

      expect({ seed, violations }).toEqual({ seed, violations: [] });
      expect(report.acknowledged).toBeGreaterThan(50);
    },
    300_000,
  );
});

function urlsOf(servers: readonly { url: string }[]): string[] {
  return servers.map(({ url }) => url);
}
