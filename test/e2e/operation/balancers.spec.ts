import { randomUUID } from 'node:crypto';
import { Agent, request as send } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import { newDatabase, newSubject, tokenFor } from '../../support/app.js';
import type { BalancerKind, BalancerOptions } from '../../support/balancer-configuration.js';
import { Balancer } from '../../support/balancer.js';
import { Client } from '../../support/client.js';
import { concurrentScenarios, type Defer } from '../../support/concurrent-scenarios.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { until } from '../../support/eventually.js';
import { times } from '../../support/kit.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { patient } from '../../support/patience.js';
import { waitingAt } from '../../support/waiting.js';

const KINDS: BalancerKind[] = ['nginx', 'haproxy'];
/** Each direction: 30 ms for a round trip. */
const LATENCY_MS = 15;

describe('behind a balancer', () => {
  let databaseUrl: string;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
  });

  const scenario = concurrentScenarios(4);

  afterAll(() => dropTestDatabase(databaseUrl));

  async function controller(defer: Defer, env: Record<string, string>): Promise<ControllerProcess> {
    const started = await ControllerProcess.startMain({ DATABASE_URL: databaseUrl, ...env });
    defer(() => started.stop());
    const client = new Client(started.url);
    await until(async () => (await client.get('/health/ready')).status === 200);
    return started;
  }

  async function balancer(
    defer: Defer,
    kind: BalancerKind,
    servers: readonly string[],
    options: BalancerOptions = {},
  ): Promise<Balancer> {
    const started = await Balancer.start(kind, servers, options);
    defer(() => started.stop());
    return started;
  }

  async function slowed(defer: Defer, server: ControllerProcess): Promise<string> {
    const proxy = await TcpProxy.start(Number(new URL(server.url).port));
    proxy.latency = LATENCY_MS;
    defer(() => proxy.close());
    return proxy.url(server.url);
  }

  describe.each(KINDS)('%s', (kind) => {
    scenario(
      'answers every request of connections that were idle',
      async (defer) => {
        // HAProxy closes half of its idle connections at each interval, so some stay for several intervals.
        const [idleSeconds, keepAlive] = kind === 'nginx' ? [2, '3'] : [1, '10'];
        const server = await controller(defer, { HTTP_KEEP_ALIVE_SECONDS: keepAlive });
        const { url } = await balancer(defer, kind, [await slowed(defer, server)], {
          idleSeconds,
          checks: false,
        });
        const agent = new Agent({ keepAlive: true });
        defer(() => {
          agent.destroy();
        });
        const token = tokenFor('finance', newSubject('finance'));
        const outcomes = await Promise.all(
          times(16, async (index) => {
            const own: string[] = [];
            for (let round = 0; round < 6; round += 1) {
              own.push(await outcomeOf(url, '/audit/ingest', token, agent));
              // Around the time at which the balancer, and later the controller, closes the connection.
              await sleep(1_700 + ((index * 97 + round * 211) % 1_700));
            }
            return own;
          }),
        );
        expect(countsOf(outcomes.flat())).toEqual({ '202': 16 * 6 });
      },
      240_000,
    );

    scenario(
      'answers every request while the controllers are replaced',
      async (defer) => {
        const env = { SHUTDOWN_DELAY_SECONDS: '3' };
        const ports = [String(await freePort()), String(await freePort())];
        const servers = await Promise.all(ports.map((PORT) => controller(defer, { ...env, PORT })));
        const front = await balancer(
          defer,
          kind,
          servers.map(({ url }) => url),
        );
        const load = startLoad(front.url);
        for (const [index, server] of servers.entries()) {
          await sleep(1_000);
          server.kill('SIGTERM');
          const direct = new Client(server.url, undefined, false);
          await until(async () => (await direct.get('/health/ready')).status === 503);
          expect((await direct.get('/status')).headers.get('connection')).toBe('close');
          // HAProxy checks readiness itself.
          const others = servers.filter((other) => other !== server && !other.hasEnded);
          if (kind === 'nginx') await front.reload(others.map(({ url }) => url));
          await server.ended;
          expect(server.exitCode).toBe(0);
          servers[index] = await controller(defer, { ...env, PORT: ports[index] ?? '' });
          if (kind === 'nginx') await front.reload(servers.map(({ url }) => url));
          await sleep(1_000);
        }
        const counts = countsOf(await load.end(servers[0]?.url ?? ''));
        process.stderr.write(`${JSON.stringify({ rolling: kind, ...counts })}\n`);
        expect(Object.keys(counts).sort()).toEqual(['200', '202', '204']);
      },
      240_000,
    );
  });

  scenario(
    'works below a prefix that nginx removes',
    async (defer) => {
      const PORT = String(await freePort());
      const front = await Balancer.start('nginx', [`http://127.0.0.1:${PORT}`], {
        prefix: '/mesh',
      });
      defer(() => front.stop());
      const PUBLIC_URL = `${front.url}/mesh`;
      await controller(defer, { PORT, PUBLIC_URL, API_DOCS_ENABLED: 'true' });
      const client = new Client(PUBLIC_URL, undefined, false);

      const page = await client.get('/docs');
      const links = [...page.text.matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(
        ([, link]) => link,
      );
      expect(links.length).toBeGreaterThan(3);
      for (const link of links) {
        const { href } = new URL(link ?? '', `${PUBLIC_URL}/docs`);
        expect(href).toContain(`${PUBLIC_URL}/docs/`);
        expect([href, (await fetch(href)).status]).toEqual([href, 200]);
      }
      const document = await client.get<{ servers: unknown }>('/api-docs/openapi.json');
      expect(document.body.servers).toEqual([{ url: PUBLIC_URL, description: 'This controller' }]);

      expect((await client.get('/nowhere')).body.instance).toBe('/mesh/nowhere');
      expect((await client.post('/tasks/route', {})).body.instance).toBe('/mesh/tasks/route');
      const challenge = (await client.post('/mcp', {})).headers.get('www-authenticate') ?? '';
      const metadata = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '';
      const response = await fetch(metadata);
      expect(await response.json()).toMatchObject({ resource: `${PUBLIC_URL}/mcp` });
    },
    60_000,
  );

  scenario(
    'ends waits with their normal response, and at once after a second signal',
    async (defer) => {
      const server = await controller(defer, { SHUTDOWN_DELAY_SECONDS: '1' });
      const agent = new Client(server.url, tokenFor('finance', newSubject('finance')), false);
      // A connection without a request, as some balancers open in advance.
      const unused = connect(Number(new URL(server.url).port), '127.0.0.1');
      defer(() => {
        unused.destroy();
      });
      unused.on('error', () => undefined);
      const began = performance.now();
      const waits = Promise.all(times(5, () => agent.get('/tasks/wait?wait_seconds=25')));
      await waitingAt(server, 5);
      server.kill('SIGTERM');
      expect((await waits).map(({ status }) => status)).toEqual(Array(5).fill(204));
      await server.ended;
      expect(performance.now() - began).toBeLessThan(patient(15_000));
      expect(server.exitCode).toBe(0);

      const other = await controller(defer, { SHUTDOWN_DELAY_SECONDS: '60' });
      other.kill('SIGTERM');
      await sleep(700);
      expect(other.hasEnded).toBe(false);
      other.kill('SIGTERM');
      await other.ended;
      expect(other.exitCode).toBe(143);
    },
    60_000,
  );

  scenario(
    'has no delay for SIGINT, and none by default outside production',
    async (defer) => {
      for (const [signal, env] of [
        ['SIGINT', { SHUTDOWN_DELAY_SECONDS: '60' }],
        ['SIGTERM', {}],
      ] as const) {
        const server = await controller(defer, env);
        const began = performance.now();
        server.kill(signal);
        await server.ended;
        expect(performance.now() - began).toBeLessThan(patient(10_000));
        expect(server.exitCode).toBe(0);
      }
    },
    60_000,
  );
});

/** Requests without end: routes, reads and waits, each on a connection of its own, none of them repeated. */
function startLoad(url: string): { end(controllerUrl: string): Promise<string[]> } {
  const outcomes: string[] = [];
  let isOver = false;
  const role = newSubject('role');
  const token = tokenFor(role);
  const paths = ['/audit/ingest', '/me', '/audit/ingest', '/me', '/tasks/wait?wait_seconds=20'];
  const callers = paths.map(async (path) => {
    while (!isOver) outcomes.push(await outcomeOf(url, path, token));
  });
  return {
    async end(controllerUrl) {
      isOver = true;
      // Ends the wait.
      const task = { target: role, task: { task_type: 'review' } };
      await new Client(controllerUrl, tokenFor('finance')).post('/tasks/route', task);
      await Promise.all(callers);
      return outcomes;
    },
  };
}

/** The outcome of a request, sent again if a busy machine had no connection to the database in time. */
async function outcomeOf(url: string, path: string, token: string, agent?: Agent): Promise<string> {
  for (;;) {
    const outcome = await sendOnce(url, path, token, agent);
    if (!outcome.includes('"database.unavailable"')) return outcome;
  }
}

/** The status of a request, or the cause of its failure. */
function sendOnce(url: string, path: string, token: string, agent?: Agent): Promise<string> {
  const isWrite = path === '/audit/ingest';
  return new Promise((resolve) => {
    const request = send(`${url}${path}`, {
      agent: agent ?? false,
      method: isWrite ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        ...(isWrite && { 'content-type': 'application/json', 'idempotency-key': randomUUID() }),
      },
    });
    request.on('error', (error) => {
      resolve(`failed: ${error.message}`);
    });
    request.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        const { statusCode = 0 } = response;
        resolve(statusCode < 400 ? String(statusCode) : `${statusCode} ${text.slice(0, 200)}`);
      });
    });
    request.end(isWrite ? JSON.stringify({ source: 's', category: 'c', action: 'a' }) : undefined);
  });
}

function countsOf(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
