import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  newDatabase,
  newSubject,
  startTestApp,
  type TestApp,
  type TestAppOptions,
  tokenFor,
} from '../../support/app.js';
import { LoadMonitorService } from '../../../src/limits/load-monitor.service.js';
import { PartyCosts } from '../../../src/limits/party-costs.js';
import { type Answer, Client } from '../../support/client.js';
import { until } from '../../support/eventually.js';

const PROBES = ['/status', '/health', '/health/live', '/health/ready'];
/** What one address, or one subject, may send in ten seconds when its limit is one a second. */
const QUOTA = 10;

const running: TestApp[] = [];
let databaseUrl: string;
let patient: TestApp;
let slow: Promise<SlowClients>;

describe('limits', () => {
  beforeAll(async () => {
    databaseUrl = await newDatabase();
    patient = await startTestApp({ databaseUrl });
    // They take their time, while the other tests run.
    slow = slowClients(patient);
  });

  afterAll(() => patient.close());

  afterEach(async () => {
    for (const mesh of running.splice(0)) await mesh.close();
  });

  async function start(env: Record<string, string>): Promise<TestApp> {
    const mesh = await startTestApp({ databaseUrl, env });
    running.push(mesh);
    return mesh;
  }

  const limited = (env: Record<string, string>): Promise<TestApp> =>
    start({ RATE_LIMIT_ENABLED: 'true', ...env });

  function expectProblem({ status, headers, body }: Answer, expected: number, code: string): void {
    expect({ status, code: body.code }).toEqual({ status: expected, code });
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(10);
  }

  /** Sends one after the other until one is refused; gives how many were not. */
  async function passed(call: () => Promise<Answer>, atMost = 60): Promise<number> {
    for (let sent = 0; sent < atMost; sent++) if ((await call()).status === 429) return sent;
    return atMost;
  }

  describe('rate limit of an address', () => {
    it('429 on every route after the quota, with Retry-After', async () => {
      const mesh = await limited({ RATE_LIMIT_ADDRESS: '1' });
      const stranger = new Client(mesh.url);
      const paths = ['/me', '/nowhere', '/tasks/route', '/docs', '/sessions?a=1&a=2'];
      for (let sent = 0; sent < QUOTA; sent++) {
        const answer = await stranger.get(paths[sent % paths.length] ?? '');
        expect(answer.status).not.toBe(429);
        expect(answer.headers.get('ratelimit')).toMatch(
          new RegExp(`^"address";r=${QUOTA - 1 - sent};t=\\d+$`),
        );
      }
      for (const path of paths) {
        const answer = await stranger.get(path);
        expectProblem(answer, 429, 'request.rate_limited');
        expect(answer.headers.get('ratelimit-policy')).toBe(`"address";q=${QUOTA};w=10`);
      }
      expectProblem(
        await stranger.post('/tasks/route', '{'.repeat(1000)),
        429,
        'request.rate_limited',
      );
      for (const path of PROBES) expect((await stranger.get(path)).status).toBe(200);
    });

    it('uses X-Forwarded-For only with TRUST_PROXY', async () => {
      const from = (mesh: TestApp, address: string) => () =>
        new Client(mesh.url).get('/me', { headers: { 'x-forwarded-for': address } });
      const trusting = await limited({ RATE_LIMIT_ADDRESS: '1', TRUST_PROXY: '1' });
      expect(await passed(from(trusting, '192.0.2.1'))).toBe(QUOTA);
      expect((await from(trusting, '192.0.2.2')()).status).toBe(401);
      // Whatever a caller itself claims stands before what the proxy adds.
      expect((await from(trusting, '192.0.2.9, 192.0.2.1')()).status).toBe(429);
      const spellings = ['192.0.2.1:5', '[::ffff:192.0.2.1]:443', '::FFFF:c000:201', '"192.0.2.1"'];
      for (const spelling of spellings)
        expect((await from(trusting, `192.0.2.9, ${spelling}`)()).status).toBe(429);
      expect(await passed(from(trusting, '[2001:db8::1%eth0]:443'))).toBe(QUOTA);
      expect((await from(trusting, '2001:DB8:0:0:9::9')()).status).toBe(429);
      const other = await limited({ RATE_LIMIT_ADDRESS: '1' });
      expect(await passed(from(other, '192.0.2.1'))).toBe(QUOTA);
      expect((await from(other, '192.0.2.2')()).status).toBe(429);
    });
  });

  describe('rate limit of a subject', () => {
    it('429 after the quota, 200 for other subjects', async () => {
      const mesh = await limited({ RATE_LIMIT_SUBJECT: '1' });
      const [busy, calm] = ['busy', 'calm'].map((role) => mesh.agent(role));
      const first = await busy?.get('/me');
      expect(first?.headers.get('ratelimit-policy')).toBe(`"subject";q=${QUOTA};w=10`);
      expect(await passed(() => busy?.get('/me') ?? Promise.reject(new Error()))).toBe(QUOTA - 1);
      const route = { target: 'manager', task: { task_type: 'x' } };
      const refused = await busy?.post('/tasks/route', route, { 'idempotency-key': 'a-key' });
      if (refused) expectProblem(refused, 429, 'request.rate_limited');
      expect((await calm?.get('/me'))?.status).toBe(200);
      expect(await mesh.query('SELECT 1 FROM tasks')).toEqual([]);
      const metrics = await new Client(mesh.url, tokenFor('auditor')).get('/metrics');
      expect(metrics.text).toMatch(/http_requests_limited_total\{by="subject"\} \d/);
    });

    it('counts the requests of all instances with Redis', async () => {
      const env = { RATE_LIMIT_SUBJECT: '1', REDIS_URL: process.env.TEST_REDIS_URL ?? '' };
      const [one, other] = [await limited(env), await limited(env)];
      const token = tokenFor('x', newSubject('x'));
      for (const mesh of [one, other]) await connected(mesh);
      await passed(() => new Client(one.url, token).get('/me'));
      // The first answer of the other one may be under way before Redis has told it.
      expect(await passed(() => new Client(other.url, token).get('/me'))).toBeLessThan(QUOTA / 2);
    });

    it('counts per instance while Redis is down', async () => {
      const mesh = await limited({ RATE_LIMIT_SUBJECT: '1', REDIS_URL: 'redis://127.0.0.1:1' });
      const client = mesh.agent('x');
      const answers: number[] = [];
      for (let sent = 0; sent <= QUOTA; sent++) answers.push((await client.get('/me')).status);
      expect(answers).toEqual([...Array<number>(QUOTA).fill(200), 429]);
    });
  });

  async function connected(mesh: TestApp): Promise<void> {
    for (;;) {
      if ((await new Client(mesh.url).get('/health')).body.redis === 'connected') return;
      await sleep(50);
    }
  }

  describe('overload', () => {
    it('503 over MAX_IN_FLIGHT, 200 for probes; waiting requests count separately', async () => {
      const mesh = await start({ MAX_IN_FLIGHT: '2' });
      const client = new Client(mesh.url, tokenFor('x', newSubject('x')), false);
      const waits = [1, 2].map(() => client.get('/tasks/wait?wait_seconds=2'));
      await inFlight(mesh, 'waiting', 2);
      expectProblem(await client.get('/tasks/wait?wait_seconds=2'), 503, 'server.overloaded');
      expect((await client.get('/me')).status).toBe(200);

      const slow = [1, 2].map(() => openRequest(mesh));
      await inFlight(mesh, 'working', 2);
      expectProblem(await client.get('/me'), 503, 'server.overloaded');
      for (const path of PROBES) expect((await client.get(path)).status).toBe(200);
      for (const socket of slow) socket.destroy();
      await inFlight(mesh, 'working', 0);
      expect((await client.get('/me')).status).toBe(200);
      expect((await Promise.all(waits)).map(({ status }) => status)).toEqual([204, 204]);
      expect(await metricsOf(mesh)).toContain(
        'http_requests_turned_away_total{reason="in_flight"} 2',
      );
    });

    it('503 while the event loop lags more than MAX_LAG_MS', async () => {
      const mesh = await start({ MAX_LAG_MS: '50' });
      const client = new Client(mesh.url, tokenFor('x', newSubject('x')), false);
      const burning = setInterval(() => {
        burn(300);
      }, 1);
      try {
        await until(async () => (await client.get('/me')).status === 503);
        expectProblem(await client.get('/me'), 503, 'server.overloaded');
        expect((await client.get('/health/live')).status).toBe(200);
      } finally {
        clearInterval(burning);
      }
      await until(async () => (await client.get('/me')).status === 200);
    });
  });

  describe('saturation', () => {
    /** More tokens than a busy address can have verified in a second. */
    const COUNT = 120;

    /** A monitor whose seconds end when the test ends them. */
    class ManualMonitor {
      readonly costs = new PartyCosts();
      readonly isLagging = false;
      readonly isSaturated = true;
    }

    it.each<[string, string | undefined, number]>([
      ['requests without a token', undefined, 0],
      ['requests with an invalid token', 'x', 100],
    ])('refuses %s of a busy address, and serves its agents', async (_, token, verified) => {
      const load = new ManualMonitor();
      const override: TestAppOptions['override'] = (builder) =>
        builder.overrideProvider(LoadMonitorService).useValue(load);
      const mesh = await startTestApp({ databaseUrl, override });
      running.push(mesh);
      const agent = new Client(mesh.url, tokenFor('x', newSubject('x')), false);
      const stranger = new Client(mesh.url, token, false);
      const attack = async (): Promise<Answer[]> => {
        const answers: Answer[] = [];
        for (let sent = 0; sent < COUNT; sent += 1) answers.push(await stranger.get('/me'));
        return answers;
      };
      expect((await agent.get('/me')).status).toBe(200);
      expect(new Set((await attack()).map(({ status }) => status))).toEqual(new Set([401]));

      for (let second = 0; second < 3; second += 1) {
        load.costs.measure(true);
        // A token that was not verified before.
        const fresh = new Client(mesh.url, tokenFor('x', newSubject('x')), false);
        expect((await fresh.get('/me')).status).toBe(200);
        const refused = (await attack()).filter(({ status }) => status === 503);
        // The first of the tokens that were verified was that of the agent.
        expect(refused).toHaveLength(COUNT - Math.max(0, verified - 1));
        if (refused[0]) expectProblem(refused[0], 503, 'server.overloaded');
        expect((await agent.get('/me')).status).toBe(200);
      }
      expect(await metricsOf(mesh)).toContain('turned_away_total{reason="utilization"}');
      load.costs.measure(false);
      expect((await stranger.get('/me')).status).toBe(401);
    });
  });

  /** A request of an agent whose body does not end. */
  function openRequest(mesh: TestApp): Socket {
    const socket = connect(Number(new URL(mesh.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `POST /tasks/route HTTP/1.1\r\nHost: mesh\r\nAuthorization: Bearer ${tokenFor('x')}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    );
    return socket;
  }

  async function inFlight(mesh: TestApp, kind: string, count: number): Promise<void> {
    await until(async () =>
      (await metricsOf(mesh)).includes(`http_requests_in_flight{kind="${kind}"} ${count}\n`),
    );
  }

  async function metricsOf(mesh: TestApp): Promise<string> {
    return (await new Client(mesh.url, tokenFor('auditor')).get('/metrics')).text;
  }

  function burn(ms: number): void {
    const end = performance.now() + ms;
    while (performance.now() < end);
  }

  describe('slow clients', () => {
    it('the connection of a slow sender closes within 12 seconds, that of a waiting client stays', async () => {
      const { lives, waited } = await slow;
      for (const seconds of lives) {
        expect(seconds).toBeGreaterThan(8);
        // Twelve on a machine that has nothing else to do.
        expect(seconds).toBeLessThan(20);
      }
      expect(waited.status).toBe(204);
    });
  });

  describe('CORS', () => {
    const preflight = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,idempotency-key',
    };

    it('allows the origins of CORS_ORIGINS only', async () => {
      const console = 'https://console.example.com';
      const ask = (mesh: TestApp, origin: string) =>
        new Client(mesh.url).call('OPTIONS', '/tasks/route', { headers: { origin, ...preflight } });
      const closed = await start({});
      expect((await ask(closed, console)).status).toBe(405);
      const answer = await new Client(closed.url).get('/status', { headers: { origin: console } });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();

      const open = await start({ CORS_ORIGINS: console });
      const allowed = await ask(open, console);
      expect(allowed.status).toBe(204);
      expect(allowed.headers.get('access-control-allow-origin')).toBe(console);
      expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
      expect(allowed.headers.get('access-control-allow-methods')).toContain('PATCH,DELETE');
      expect(allowed.headers.get('access-control-allow-headers')).toContain('If-None-Match');
      const other = await ask(open, 'https://evil.example');
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
    });
  });
});

/** What happens within a quarter of a minute to clients that send slowly, and to one that waits. */
interface SlowClients {
  lives: number[];
  waited: Answer;
}

async function slowClients(mesh: TestApp): Promise<SlowClients> {
  const client = mesh.agent('x');
  const waited = client.get('/tasks/wait?wait_seconds=12');
  const lives = await Promise.all([
    lifeOf(mesh, () => undefined),
    lifeOf(mesh, (socket) => {
      socket.write('GET /status HTTP/1.1\r\n');
    }),
    // One header a second, for ever: the classic slowloris.
    lifeOf(mesh, (socket) => {
      socket.write('GET /status HTTP/1.1\r\nHost: mesh\r\n');
      const dripping = setInterval(() => socket.write('X-A: b\r\n'), 1_000);
      socket.once('close', () => {
        clearInterval(dripping);
      });
    }),
  ]);
  return { lives, waited: await waited };
}

/** How many seconds it takes the controller to close a connection. */
async function lifeOf({ url }: TestApp, open: (socket: Socket) => void): Promise<number> {
  const started = performance.now();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  open(socket);
  await once(socket, 'close');
  return (performance.now() - started) / 1000;
}
