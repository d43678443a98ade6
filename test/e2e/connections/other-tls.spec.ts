import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import { newDatabase } from '../../support/app.js';
import * as certificates from '../../support/certificates.js';
import { Client } from '../../support/client.js';
import { ControllerHealth } from '../../support/controller-health.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { until } from '../../support/eventually.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { startTestRedis, type TestRedis } from '../../support/redis.js';
import { operate } from '../../support/redis-caches.js';
import { StubIssuer } from '../../support/stub-issuer.js';

describe('TLS to other servers', () => {
  let databaseUrl: string;
  let folder: string;
  let controller: ControllerProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'other-tls-'));
    databaseUrl = await newDatabase();
  });

  afterEach(() => controller?.stop());

  afterAll(async () => {
    await dropTestDatabase(databaseUrl);
    await rm(folder, { recursive: true, force: true });
  });

  const path = (name: string) => join(folder, name);

  describe('signing keys of a private authority', () => {
    let server: Server;
    let issuer: StubIssuer;

    beforeAll(async () => {
      await writeFile(path('ca.pem'), certificates.CA_CERTIFICATE);
      issuer = await StubIssuer.start();
      const tls = { cert: certificates.SERVER_CERTIFICATE, key: certificates.SERVER_KEY };
      server = createServer(tls, (_, response) => {
        void fetch(issuer.jwksUrl).then(async (answer) => response.end(await answer.text()));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
    });

    afterAll(async () => {
      server.closeAllConnections();
      server.close();
      await issuer.close();
    });

    async function start(env: Record<string, string>): Promise<Client> {
      const { port } = server.address() as AddressInfo;
      controller = await ControllerProcess.startMain({
        DATABASE_URL: databaseUrl,
        JWT_SECRET: '',
        OIDC_ISSUER_URL: issuer.issuer,
        OIDC_JWKS_URL: `https://localhost:${port}/keys`,
        OIDC_AUDIENCE: issuer.audience,
        ...env,
      });
      return new Client(controller.url, issuer.token(issuer.addKey('ES256')), false);
    }

    it('is not ready without NODE_EXTRA_CA_CERTS, and names it', async () => {
      const client = await start({});
      await until(async () => (await client.get('/health')).body.signing_keys_reason !== undefined);
      expect((await client.get('/health')).body).toMatchObject({
        status: 'degraded',
        signing_keys: 'never_read',
        signing_keys_reason: 'certificate_untrusted',
      });
      expect((await client.get('/health/ready')).status).toBe(503);
      expect(await client.get('/me')).toMatchObject({
        status: 503,
        body: { code: 'auth.keys_unavailable' },
      });
      expect(controller?.output).toContain(
        'Set NODE_EXTRA_CA_CERTS to the file of the certificate authority',
      );
      expect(controller?.output).not.toMatch(/"level":"error"|unhandled|uncaught/i);
    });

    it('works with NODE_EXTRA_CA_CERTS', async () => {
      const client = await start({ NODE_EXTRA_CA_CERTS: path('ca.pem') });
      await until(async () => (await client.get('/health/ready')).status === 200);
      expect((await client.get('/health')).body).not.toHaveProperty('signing_keys_reason');
      expect((await client.get('/me')).status).toBe(200);
    });
  });

  describe('Redis', () => {
    let redis: TestRedis;
    let env: Record<string, string>;

    beforeAll(async () => {
      await Promise.all([
        writeFile(path('redis-ca.pem'), certificates.CA_CERTIFICATE),
        writeFile(path('server.pem'), certificates.SERVER_CERTIFICATE),
        writeFile(path('server.key'), certificates.SERVER_KEY),
      ]);
      redis = await startTestRedis();
      const port = await freePort();
      const settings = {
        'tls-cert-file': path('server.pem'),
        'tls-key-file': path('server.key'),
        'tls-ca-cert-file': path('redis-ca.pem'),
        'tls-auth-clients': 'no',
        'tls-port': String(port),
      };
      await operate(redis, (client) =>
        client.call('CONFIG', 'SET', ...Object.entries(settings).flat()),
      );
      env = {
        DATABASE_URL: databaseUrl,
        REDIS_URL: `rediss://localhost:${port}`,
        REDIS_TLS_CA_FILE: path('redis-ca.pem'),
      };
    });

    afterAll(() => redis.stop());

    it.each([
      ['missing', 'missing.pem', 'REDIS_TLS_CA_FILE cannot be read'],
      ['a folder', '.', 'REDIS_TLS_CA_FILE cannot be read'],
      ['not PEM', 'text.pem', 'REDIS_TLS_CA_FILE contains no usable PEM text'],
    ])('a file that is %s at start ends the process with one line', async (_, name, message) => {
      await writeFile(path('text.pem'), 'not a certificate');
      controller = await ControllerProcess.launchMain({ ...env, REDIS_TLS_CA_FILE: path(name) });
      await controller.ended;
      expect(controller.exitCode).toBe(1);
      expect(controller.output).toMatch(/^agent-mesh-controller: [^\n]*\n$/);
      expect(controller.output).toContain(message);
    });

    it('a file that is broken while Redis becomes a replica does not end the process', async () => {
      controller = await ControllerProcess.startMain(env);
      const health = new ControllerHealth(controller);
      await health.expect(200, { redis: 'connected', status: 'healthy' });
      await writeFile(path('redis-ca.pem'), 'not a certificate');
      await operate(redis, (client) => client.call('REPLICAOF', '127.0.0.1', '1'));
      await health.expect(200, { status: 'degraded' });
      expect((await health.createSession()).status).toBe(201);
      health.expectNoCrash();

      await writeFile(path('redis-ca.pem'), certificates.CA_CERTIFICATE);
      await operate(redis, (client) => client.call('REPLICAOF', 'NO', 'ONE'));
      await health.expect(200, { redis: 'connected', status: 'healthy' });
      health.expectNoCrash();
    }, 60_000);
  });
});
