import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  newDatabase,
  newSubject,
  startTestApp,
  type TestApp,
  tokenFor,
} from '../../support/app.js';
import { Client } from '../../support/client.js';
import { until } from '../../support/eventually.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { times } from '../../support/kit.js';
import { announcing, SlowClient } from '../../support/slow-client.js';

const MAX_IN_FLIGHT = 90;
const ATTACKERS = 110;

describe('availability', () => {
  let databaseUrl: string;
  let mesh: TestApp | undefined;
  const clients: SlowClient[] = [];

  beforeAll(async () => {
    databaseUrl = await newDatabase();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await mesh?.close();
    mesh = undefined;
  });

  afterAll(() => dropTestDatabase(databaseUrl));

  async function start(env: Record<string, string>): Promise<TestApp> {
    mesh = await startTestApp({ databaseUrl, env });
    return mesh;
  }

  async function attack(
    { url }: TestApp,
    lines: (index: number) => readonly string[],
    body: string,
    count = ATTACKERS,
  ): Promise<SlowClient[]> {
    const sent = await Promise.all(
      times(count, (index) => SlowClient.send(url, lines(index), body)),
    );
    for (const client of sent) client.read();
    clients.push(...sent);
    return sent;
  }

  const once = (app: TestApp, role: string): Client =>
    new Client(app.url, tokenFor(role, newSubject(role)), false);

  const metricsOf = async (app: TestApp): Promise<string> =>
    (await new Client(app.url, tokenFor('auditor')).get('/metrics')).text;

  describe('bodies that do not come', () => {
    it.each(['/tasks/route', '/mcp', '/audit/ingest'])(
      'without a token, to %s: 401 at once, and no place is held',
      async (path) => {
        const app = await start({ MAX_IN_FLIGHT: String(MAX_IN_FLIGHT) });
        const attackers = await attack(app, () => announcing(path, 500_000), '{');
        await until(() => attackers.every(({ status }) => status === 401));
        const agent = once(app, 'finance');
        expect((await agent.get('/me')).status).toBe(200);
        expect((await agent.get('/tasks/wait?wait_seconds=0')).status).toBe(204);
        expect(await metricsOf(app)).toMatch(/in_flight\{kind="waiting"\} 0\n/);
      },
    );

    it('keeps the challenge of MCP on a 401 without a body', async () => {
      const app = await start({});
      const [client] = await attack(app, () => announcing('/mcp', 500_000, 'x'), '{', 1);
      await until(() => client?.status === 401);
      expect(client?.received).toMatch(/www-authenticate: Bearer .*resource_metadata="/i);
    });

    it('without a token, to a path or method without a route: 404 or 405 at once', async () => {
      const app = await start({});
      const [none] = await attack(app, () => announcing('/nowhere', 500_000), '{', 1);
      const [other] = await attack(app, () => announcing('/status', 500_000), '{', 1);
      await until(() => none?.status === 404 && other?.status === 405);
    });

    it.each([
      ['POST', '/tasks/route'],
      ['POST', '/mcp'],
      ['GET', '/events/stream'],
    ])(
      'of one agent, to %s %s: others keep their places, and the bodies end with 408',
      async (method, path) => {
        const app = await start({ MAX_IN_FLIGHT: String(MAX_IN_FLIGHT) });
        const token = tokenFor('rogue', newSubject('rogue'));
        const lines = announcing(path, 500_000, token, method);
        const attackers = await attack(app, () => lines, '{');
        const agent = once(app, 'finance');
        for (let sent = 0; sent < 10; sent += 1) {
          expect((await agent.get('/me')).status).toBe(200);
          expect((await agent.post('/audit/ingest', {})).status).toBe(400);
        }
        // Those that came last keep their places once half of the places are free.
        const ofStatus = (status: number) => attackers.filter((one) => one.status === status);
        await until(() => ofStatus(408).length >= MAX_IN_FLIGHT / 3);
        const late = ofStatus(408);
        expect(ofStatus(503).length).toBeGreaterThan(0);
        expect(late.length + ofStatus(503).length + ofStatus(0).length).toBe(ATTACKERS);
        expect(late[0]?.received).toContain('"code":"request.timeout"');
        expect(late[0]?.received).toMatch(/connection: close/i);
        await until(() => late.every(({ isClosed }) => isClosed));
        expect(await metricsOf(app)).toMatch(/http_slow_clients_total\{reason="body"\} \d\d/);
      },
      60_000,
    );

    it('leaves a slow body alone while there are places', async () => {
      const app = await start({ MAX_IN_FLIGHT: String(MAX_IN_FLIGHT) });
      const token = tokenFor('finance');
      const body = JSON.stringify({ source: 's', category: 'c', action: 'a' });
      const [client] = await attack(
        app,
        () => announcing('/audit/ingest', body.length, token),
        body[0] ?? '',
        1,
      );
      for (const char of body.slice(1, 5)) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        client?.write(char);
      }
      client?.write(body.slice(5));
      await until(() => client?.status === 202);
    });
  });

  describe('responses that nobody reads', () => {
    const EVENTS = 12_000;

    beforeAll(async () => {
      const app = await startTestApp({ databaseUrl });
      await app.query(
        `INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, metadata)
         SELECT gen_random_uuid(), 'agent.test.stalled', 'x', 'x', clock_timestamp(), gen_random_uuid(),
                jsonb_build_object('text', repeat(md5(n::text), 60))
           FROM generate_series(1, $1) AS n`,
        [EVENTS],
      );
      await app.close();
    });

    const exportLines = (): string[] => [
      'GET /audit/events?event_type=agent.test.stalled HTTP/1.1',
      `Authorization: Bearer ${tokenFor('auditor')}`,
      'Accept: application/x-ndjson',
    ];

    it('end after HTTP_STALL_SECONDS, and give their places back', async () => {
      const app = await start({ HTTP_STALL_SECONDS: '2' });
      const attackers = await attack(app, exportLines, '', 3);
      for (const client of attackers) client.pause();
      const inFlight = async () =>
        /in_flight\{kind="working"\} (\d+)/.exec(await metricsOf(app))?.[1];
      await until(async () => (await inFlight()) === '3');
      await until(async () => (await inFlight()) === '0');
      // On a busy machine an export may have had no connection to the database.
      expect(await metricsOf(app)).toMatch(/http_slow_clients_total\{reason="reader"\} [123]/);
    }, 60_000);

    it('are complete for a client that reads slowly', async () => {
      const app = await start({ HTTP_STALL_SECONDS: '2' });
      const [client] = await attack(app, exportLines, '', 1);
      for (let pause = 0; pause < 5; pause += 1) {
        client?.pause();
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        client?.read();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await until(() => /\r\n0\r\n\r\n$/.test(client?.received ?? ''));
    }, 60_000);
  });

  describe('one spelling per route', () => {
    const VARIANTS = ['/tasks/wait', '/mcp', '/health', '/health/ready', '/metrics', '/status'];

    const spellingsOf = (path: string): string[] => [
      path.toUpperCase(),
      `${path}/`,
      `/${path}`,
      path.replace(/(.)$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
      `${path};x=1`,
      `${path}//`,
      `${path}/.`,
      `${path}%20`,
    ];

    it.each(VARIANTS)('another spelling of %s is no route and counts', async (path) => {
      const app = await start({ RATE_LIMIT_ENABLED: 'true', RATE_LIMIT_ADDRESS: '1' });
      const agent = once(app, 'finance');
      const statuses: number[] = [];
      for (const spelling of spellingsOf(path)) {
        const method = path === '/mcp' ? 'POST' : 'GET';
        const answer = await agent.call(method, `${spelling}?wait_seconds=25`, {});
        statuses.push(answer.status);
      }
      // `/tasks/wait;x=1` and `/tasks/wait%20` are tasks with an id that is none.
      expect(statuses.filter((status) => status !== 404 && status !== 400)).toEqual([]);
      for (let sent = 0; sent < 2; sent += 1) await agent.get('/docs/');
      expect((await agent.get(path.toUpperCase())).status).toBe(429);
    });

    it('waiting requests take waiting places only', async () => {
      const app = await start({ MAX_IN_FLIGHT: '8' });
      const agent = once(app, 'finance');
      const waits = times(8, (index) =>
        agent.call(index % 2 ? 'HEAD' : 'GET', '/tasks/wait?wait_seconds=2', {}),
      );
      await until(async () => /in_flight\{kind="waiting"\} 8\n/.test(await metricsOf(app)));
      expect(await metricsOf(app)).toMatch(/in_flight\{kind="working"\} 0\n/);
      expect((await agent.get('/me')).status).toBe(200);
      const statuses = (await Promise.all(waits)).map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([204]));
    });

    it('has the page and the files of the API document in one spelling', async () => {
      const app = await start({});
      const reader = new Client(app.url);
      expect((await reader.get('/docs/')).status).toBe(200);
      expect((await reader.get('/api-docs/openapi.json')).status).toBe(200);
      for (const path of ['/DOCS/', '/Docs', '/api-docs/OpenAPI.json', '/api-docs/openapi.json/'])
        expect([path, (await reader.get(path)).status]).toEqual([path, 404]);
    });
  });

  describe('exemptions', () => {
    const QUOTA = 10;

    const limited = (): Promise<TestApp> =>
      start({ RATE_LIMIT_ENABLED: 'true', RATE_LIMIT_ADDRESS: '1', RATE_LIMIT_SUBJECT: '1' });

    it.each<[string, string, string, string | undefined]>([
      ['GET /metrics with an invalid token', 'GET', '/metrics', 'x'],
      ['GET /metrics without a token', 'GET', '/metrics', undefined],
      ['GET /metrics without the role', 'GET', '/metrics', 'agent'],
      ['POST /status', 'POST', '/status', 'agent'],
      ['DELETE /health', 'DELETE', '/health', undefined],
      ['PUT /health/ready', 'PUT', '/health/ready', undefined],
      ['OPTIONS /metrics', 'OPTIONS', '/metrics', undefined],
    ])('%s is none', async (_, method, path, token) => {
      const app = await limited();
      const caller = new Client(
        app.url,
        token === 'agent' ? tokenFor('agent', newSubject('agent')) : token,
        false,
      );
      const statuses: number[] = [];
      for (let sent = 0; sent <= QUOTA; sent += 1)
        statuses.push((await caller.call(method, path, {})).status);
      expect(statuses.slice(0, QUOTA)).not.toContain(429);
      expect(statuses.at(-1)).toBe(429);
    });

    it('answered probes and scrapes do not count and are not refused', async () => {
      const app = await limited();
      const prometheus = new Client(app.url, tokenFor('auditor', newSubject('p')), false);
      const probes = ['/status', '/health', '/health/live', '/health/ready', '/metrics'];
      for (let round = 0; round < 2 * QUOTA; round += 1) {
        for (const path of probes) {
          const method = round % 2 ? 'HEAD' : 'GET';
          expect((await prometheus.call(method, path, {})).status).toBe(200);
        }
      }
      const stranger = new Client(app.url, undefined, false);
      for (let sent = 0; sent < QUOTA; sent += 1)
        expect((await stranger.get('/me')).status).toBe(401);
      expect((await stranger.get('/me')).status).toBe(429);
      for (const path of probes) expect((await prometheus.get(path)).status).toBe(200);
    });
  });
});
