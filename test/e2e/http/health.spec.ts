import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/database/free-port.js';
import { HealthService } from '../../../src/health/health.service.js';
import { VERSION } from '../../../src/version.js';
import { migrate } from '../../../src/database/migrate.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { eventually } from '../../support/eventually.js';
import {
  createTestDatabase,
  startTestPostgres,
  type TestPostgres,
} from '../../support/postgres.js';
import { type Failure, StubIssuer } from '../../support/stub-issuer.js';

const PROBES = ['/status', '/health', '/health/live', '/health/ready'];

describe('a healthy controller', () => {
  let mesh: TestApp;
  let nobody: Client;

  beforeAll(async () => {
    mesh = await startTestApp();
    nobody = new Client(mesh.url);
  });

  afterAll(() => mesh.close());

  it('says so, with its version, to anyone', async () => {
    expect((await nobody.get('/status')).body).toEqual({ status: 'ok', version: VERSION });
    expect((await nobody.get('/health')).body).toEqual({
      status: 'healthy',
      version: VERSION,
      database: 'connected',
      redis: 'disabled',
    });
    expect((await nobody.get('/health/live')).body).toEqual({ status: 'alive' });
    expect((await nobody.get('/health/ready')).body).toEqual({ status: 'ready' });
  });

  it.each(PROBES)(
    'answers %s with 200 that nobody keeps, whatever token comes along',
    async (path) => {
      for (const token of [undefined, 'nonsense', tokenFor('finance')]) {
        const answer = await new Client(mesh.url, token).get(path);
        expect(answer.status).toBe(200);
        expect(answer.headers.get('cache-control')).toBe('no-store');
        expect(answer.headers.get('content-type')).toContain('application/json');
      }
    },
  );

  it('answers 100 probes at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => nobody.get(PROBES[n % PROBES.length] ?? '')),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  it('is not ready, but alive, once it has begun to stop', async () => {
    const own = await startTestApp({ databaseUrl: mesh.databaseUrl });
    try {
      const client = new Client(own.url);
      own.app.get(HealthService).beforeApplicationShutdown();
      expect(await client.get('/health/ready')).toMatchObject({
        status: 503,
        body: { status: 'not_ready' },
      });
      expect((await client.get('/health/live')).status).toBe(200);
    } finally {
      await own.close();
    }
  });
});

describe('a controller with Redis', () => {
  it('is healthy when it answers', async () => {
    const mesh = await startTestApp({ env: { REDIS_URL: process.env.TEST_REDIS_URL ?? '' } });
    try {
      const health = await eventually(
        () => new Client(mesh.url).get('/health'),
        ({ body }) => body.redis === 'connected',
      );
      expect(health.body).toMatchObject({ status: 'healthy', redis: 'connected' });
    } finally {
      await mesh.close();
    }
  });

  it('is degraded, and still ready, when it does not', async () => {
    const mesh = await startTestApp({
      env: { REDIS_URL: `redis://127.0.0.1:${await freePort()}` },
    });
    mesh.app.useLogger(false);
    try {
      const client = new Client(mesh.url, tokenFor('finance'));
      expect(await client.get('/health')).toMatchObject({
        status: 200,
        body: { status: 'degraded', database: 'connected', redis: 'disconnected' },
      });
      expect((await client.get('/health/ready')).status).toBe(200);
      expect((await client.post('/sessions', { role: 'finance' })).status).toBe(201);
    } finally {
      await mesh.close();
    }
  });
});

describe('a controller whose Postgres', () => {
  let postgres: TestPostgres;
  let mesh: TestApp;
  let client: Client;

  beforeAll(async () => {
    postgres = await startTestPostgres();
    const databaseUrl = await createTestDatabase(postgres.url);
    await migrate(databaseUrl);
    mesh = await startTestApp({ databaseUrl });
    mesh.app.useLogger(false);
    client = new Client(mesh.url, tokenFor('finance'));
  });

  afterAll(async () => {
    await mesh.close();
    await postgres.stop();
  });

  async function expectDown(): Promise<void> {
    expect(await client.get('/health')).toMatchObject({
      status: 200,
      body: { status: 'degraded', database: 'disconnected' },
    });
    expect(await client.get('/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'not_ready' },
    });
    expect((await client.get('/health/live')).status).toBe(200);
    expect((await client.get('/status')).status).toBe(200);
  }

  async function expectUp(): Promise<void> {
    const ready = await eventually(
      () => client.get('/health/ready'),
      ({ status }) => status === 200,
    );
    expect(ready.status).toBe(200);
    expect((await client.get('/health')).body).toMatchObject({ status: 'healthy' });
    expect((await client.post('/sessions', { role: 'finance' })).status).toBe(201);
  }

  it('was killed is alive but not ready, and ready again when Postgres is', async () => {
    await expectUp();
    postgres.kill('SIGKILL');
    await eventually(
      () => client.get('/health/ready'),
      ({ status }) => status === 503,
    );
    await expectDown();
    await postgres.restart();
    await expectUp();
  });

  it('has no connection to spare says so within two seconds', async () => {
    const narrow = await startTestApp({ env: { DATABASE_POOL_SIZE: '1' } });
    const hog = narrow.dataSource.createQueryRunner();
    try {
      await hog.connect();
      const started = performance.now();
      const [health, ready] = await Promise.all([
        new Client(narrow.url).get('/health'),
        new Client(narrow.url).get('/health/ready'),
      ]);
      expect(performance.now() - started).toBeLessThan(2_000);
      expect(health).toMatchObject({ status: 200, body: { database: 'disconnected' } });
      expect(ready.status).toBe(503);
    } finally {
      await hog.release();
      await narrow.close();
    }
  });
});

describe('a controller with an identity provider', () => {
  let issuer: StubIssuer;
  let mesh: TestApp;
  let nobody: Client;

  const start = async () => {
    mesh = await startTestApp({
      env: {
        JWT_SECRET: '',
        OIDC_ISSUER_URL: issuer.issuer,
        OIDC_JWKS_URL: issuer.jwksUrl,
        OIDC_AUDIENCE: issuer.audience,
      },
    });
    mesh.app.useLogger(false);
    nobody = new Client(mesh.url);
  };

  beforeEach(async () => {
    issuer = await StubIssuer.start();
  });

  afterEach(async () => {
    await mesh.close();
    await issuer.close();
  });

  it('reads the signing keys at start, and says so', async () => {
    issuer.addKey('ES256');
    await start();
    expect((await nobody.get('/health/ready')).status).toBe(200);
    expect((await nobody.get('/health')).body).toMatchObject({
      status: 'healthy',
      signing_keys: 'available',
    });
    expect(issuer.fetches).toBe(1);
  });

  it.each<[string, Failure | undefined]>([
    ['fails', 'error'],
    ['hangs', 'hang'],
    ['has no key', undefined],
  ])('that %s is not ready, says why, and is ready once the keys are there', async (_, failure) => {
    issuer.failure = failure;
    await start();
    expect(await nobody.get('/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'not_ready' },
    });
    expect((await nobody.get('/health')).body).toMatchObject({
      status: 'degraded',
      database: 'connected',
      signing_keys: 'never_read',
    });
    expect((await nobody.get('/health/live')).status).toBe(200);
    expect((await nobody.get('/status')).status).toBe(200);
    issuer.failure = undefined;
    const key = issuer.addKey('ES256');
    const ready = await eventually(
      () => nobody.get('/health/ready'),
      ({ status }) => status === 200,
    );
    expect(ready.status).toBe(200);
    expect((await nobody.get('/health')).body).toMatchObject({ signing_keys: 'available' });
    expect((await new Client(mesh.url, issuer.token(key)).get('/me')).status).toBe(200);
  });

  it('stays ready while the provider is away', async () => {
    const key = issuer.addKey('ES256');
    await start();
    await eventually(
      () => nobody.get('/health/ready'),
      ({ status }) => status === 200,
    );
    issuer.failure = 'error';
    expect((await nobody.get('/health/ready')).status).toBe(200);
    expect((await new Client(mesh.url, issuer.token(key)).get('/me')).status).toBe(200);
  });
});

describe('the metrics', () => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const agent = (role: string) => new Client(mesh.url, tokenFor(role, newSubject(role)));

  /** The samples whose name and labels contain all of `parts`, added up. */
  async function measured(...parts: string[]): Promise<number> {
    const { text, status } = await agent('auditor').get('/metrics');
    expect(status).toBe(200);
    return text
      .split('\n')
      .filter((line) => !line.startsWith('#') && parts.every((part) => line.includes(part)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  it('are for auditors and admins only', async () => {
    for (const role of ['auditor', 'admin']) {
      const answer = await agent(role).get('/metrics');
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toContain('text/plain');
      expect(answer.text).toContain('process_cpu_seconds_total');
    }
    expect((await agent('finance').get('/metrics')).status).toBe(403);
    expect((await new Client(mesh.url).get('/metrics')).status).toBe(401);
  });

  it('count requests by route, not by id', async () => {
    const [route, ok] = ['route="/sessions/:id"', 'status="404"'];
    const count = () => measured('http_request_duration_seconds_count', 'method="GET"', route, ok);
    const before = await count();
    const ids = Array.from({ length: 5 }, () => randomUUID());
    await Promise.all(ids.map((id) => agent('finance').get(`/sessions/${id}`)));
    const after = await eventually(count, (counted) => counted === before + 5);
    expect(after).toBe(before + 5);
    const { text } = await agent('auditor').get('/metrics');
    for (const id of ids) expect(text).not.toContain(id);
  });

  it('count what matches no route under one name', async () => {
    const path = `/nowhere/${randomUUID()}`;
    await agent('finance').get(path);
    const count = () => measured('http_request_duration_seconds_count', 'route="none"');
    expect(await eventually(count, (counted) => counted > 0)).toBeGreaterThan(0);
    expect(await measured(path)).toBe(0);
  });

  it('do not count what agents report of their own, whatever they call it', async () => {
    const metadata = {
      ...{ from: newSubject('from'), to: newSubject('to'), reason: 'lease_lost', dead: true },
      ...{ decision: 'approved', waited_seconds: 1, pending_seconds: 1 },
    };
    const counts = () =>
      Promise.all([
        measured('mesh_session_transitions_total'),
        measured('mesh_leases_lost_total'),
        measured('mesh_tasks_dead_total'),
        measured('mesh_task_inbox_wait_seconds_count'),
        measured('mesh_approval_decision_seconds_count'),
      ]);
    const before = await counts();
    const report = { source: 'bot', category: 'session_transitioned', action: 'x', metadata };
    expect((await agent('finance').post('/audit/ingest', report)).status).toBe(202);
    expect(await counts()).toEqual(before);
    expect(await measured(metadata.from)).toBe(0);
  });

  it('count what was routed, stepped, decided and denied, once it is committed', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const counts = () =>
      Promise.all([
        measured('mesh_tasks_routed_total'),
        measured('mesh_session_transitions_total', 'from="pending"', 'to="active"'),
        measured('mesh_session_transitions_total', 'from="active"', 'to="completed"'),
        measured('mesh_approval_decisions_total', 'decision="approved"'),
        measured('mesh_access_denied_total'),
      ]);
    const before = await counts();

    const routed = await agent(from).post<{ task_id: string }>('/tasks/route', {
      target: to,
      task: { task_type: 'x' },
    });
    const { task_id } = routed.body;
    const worker = agent(to);
    const { body } = await worker.get<{ id: string }>(`/sessions/${task_id}`);
    await worker.put(`/sessions/${body.id}`, { status: 'active' });
    await worker.put(`/sessions/${body.id}`, { status: 'active' });
    await worker.post('/approvals', { task_id, decision: 'approved' });
    await worker.post('/approvals', { task_id, decision: 'approved' });
    await agent(to).put(`/sessions/${body.id}`, { status: 'completed' });
    await worker.put(`/sessions/${body.id}`, { status: 'completed' });
    await worker.put(`/sessions/${body.id}`, { status: 'failed' });
    await agent(from).put(`/sessions/${body.id}`, { status: 'active' });
    await agent(from).post('/tasks/route', { target: 'admin', task: { task_type: 'x' } });

    expect(await counts()).toEqual(before.map((count) => count + 1));
  });
});
