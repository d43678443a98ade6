import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import { HealthService } from '../../../src/health/health.service.js';
import { VERSION } from '../../../src/version.js';
import { newDatabase, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { eventually } from '../../support/eventually.js';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.js';
import { type Failure, StubIssuer } from '../../support/stub-issuer.js';
import { useSharedApp } from '../../support/kit.js';
import { patient } from '../../support/patience.js';

const PROBES = ['/status', '/health', '/health/live', '/health/ready'];

describe('health', () => {
  describe('status routes', () => {
    const mesh = useSharedApp();
    let anonymous: Client;
    beforeAll(() => {
      anonymous = new Client(mesh.url);
    });

    it('GET /status and GET /health return status and version without a token', async () => {
      expect((await anonymous.get('/status')).body).toEqual({ status: 'ok', version: VERSION });
      expect((await anonymous.get('/health')).body).toEqual({
        status: 'healthy',
        version: VERSION,
        database: 'connected',
        redis: 'disabled',
        audit_log: 'unsigned',
      });
      expect((await anonymous.get('/health/live')).body).toEqual({ status: 'alive' });
      expect((await anonymous.get('/health/ready')).body).toEqual({ status: 'ready' });
    });

    it.each(PROBES)('%s: 200 without caching, with any token', async (path) => {
      for (const token of [undefined, 'nonsense', tokenFor('finance')]) {
        const answer = await new Client(mesh.url, token).get(path);
        expect(answer.status).toBe(200);
        expect(answer.headers.get('cache-control')).toBe('no-store');
        expect(answer.headers.get('content-type')).toContain('application/json');
      }
    });

    it('answer 100 concurrent probes', async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) => anonymous.get(PROBES[n % PROBES.length] ?? '')),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    });

    it('GET /health/ready: 503 while the controller stops', async () => {
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

  describe('GET /health with Redis', () => {
    it('healthy when Redis responds', async () => {
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

    it('degraded and ready when Redis does not respond', async () => {
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

  describe('GET /health without Postgres', () => {
    let postgres: TestPostgres;
    let mesh: TestApp;
    let client: Client;

    beforeAll(async () => {
      postgres = await startTestPostgres();
      const databaseUrl = await newDatabase(postgres.url);
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

    it('alive and not ready while Postgres is down, ready after its restart', async () => {
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

    it('not ready within two seconds when the pool has no free connection', async () => {
      const narrow = await startTestApp({ env: { DATABASE_POOL_SIZE: '1' } });
      const hog = narrow.dataSource.createQueryRunner();
      try {
        await hog.connect();
        const started = performance.now();
        const [health, ready] = await Promise.all([
          new Client(narrow.url).get('/health'),
          new Client(narrow.url).get('/health/ready'),
        ]);
        expect(performance.now() - started).toBeLessThan(patient(2_000));
        expect(health).toMatchObject({ status: 200, body: { database: 'disconnected' } });
        expect(ready.status).toBe(503);
      } finally {
        await hog.release();
        await narrow.close();
      }
    });
  });

  describe('GET /health with an identity provider', () => {
    let issuer: StubIssuer;
    let mesh: TestApp;
    let anonymous: Client;

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
      anonymous = new Client(mesh.url);
    };

    beforeEach(async () => {
      issuer = await StubIssuer.start();
    });

    afterEach(async () => {
      await mesh.close();
      await issuer.close();
    });

    it('ready when the signing keys are read at start', async () => {
      issuer.addKey('ES256');
      await start();
      expect((await anonymous.get('/health/ready')).status).toBe(200);
      expect((await anonymous.get('/health')).body).toMatchObject({
        status: 'healthy',
        signing_keys: 'available',
      });
      expect(issuer.fetches).toBe(1);
    });

    it.each<[string, Failure | undefined]>([
      ['fails', 'error'],
      ['hangs', 'hang'],
      ['has no key', undefined],
    ])('not ready while the provider %s, ready once it has a signing key', async (_, failure) => {
      issuer.failure = failure;
      await start();
      expect(await anonymous.get('/health/ready')).toMatchObject({
        status: 503,
        body: { status: 'not_ready' },
      });
      expect((await anonymous.get('/health')).body).toMatchObject({
        status: 'degraded',
        database: 'connected',
        signing_keys: 'never_read',
      });
      expect((await anonymous.get('/health/live')).status).toBe(200);
      expect((await anonymous.get('/status')).status).toBe(200);
      issuer.failure = undefined;
      const key = issuer.addKey('ES256');
      const ready = await eventually(
        () => anonymous.get('/health/ready'),
        ({ status }) => status === 200,
      );
      expect(ready.status).toBe(200);
      expect((await anonymous.get('/health')).body).toMatchObject({ signing_keys: 'available' });
      expect((await new Client(mesh.url, issuer.token(key)).get('/me')).status).toBe(200);
    });

    it('ready while the provider is down, once the signing keys are read', async () => {
      const key = issuer.addKey('ES256');
      await start();
      await eventually(
        () => anonymous.get('/health/ready'),
        ({ status }) => status === 200,
      );
      issuer.failure = 'error';
      expect((await anonymous.get('/health/ready')).status).toBe(200);
      expect((await new Client(mesh.url, issuer.token(key)).get('/me')).status).toBe(200);
    });
  });
});
