import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newDatabase, startTestApp } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { CA_CERTIFICATE, SERVER_CERTIFICATE } from '../../support/certificates.js';
import { ControllerHealth } from '../../support/controller-health.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { eventually } from '../../support/eventually.js';
import { presentCertificate } from '../../support/postgres-tls.js';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { expectWorkRound } from '../../support/work-round.js';

describe('a network between controller and database', () => {
  let postgres: TestPostgres;
  let databaseUrl: string;
  let proxy: TcpProxy;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'long-haul-'));
    await writeFile(join(folder, 'ca.pem'), CA_CERTIFICATE);
    postgres = await startTestPostgres();
    await presentCertificate(postgres, SERVER_CERTIFICATE);
    databaseUrl = await newDatabase(postgres.url);
    proxy = await TcpProxy.inFrontOf(databaseUrl);
  });

  afterAll(async () => {
    await proxy.close();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('notices that the connection for LISTEN was cut without a sign, polls, and reconnects', async () => {
    const controller = await ControllerProcess.startMain({
      DATABASE_URL: databaseUrl,
      DATABASE_DIRECT_URL: proxy.url(databaseUrl),
      LOG_LEVEL: 'log',
    });
    try {
      const health = new ControllerHealth(controller);
      await health.expectWorking();
      proxy.silent = true;
      await health.expect(200, { status: 'healthy', notifications: 'polling' });
      await health.expectLogged(
        'The connection for LISTEN is not open. Waiting requests poll once a second. A notification did not arrive.',
      );
      proxy.silent = false;
      await health.expectWorking();
      await health.expectLogged('The connection for LISTEN is open again.');
      health.expectNoCrash();
    } finally {
      proxy.silent = false;
      await controller.stop();
    }
  }, 90_000);

  it('starts and serves with round trips of 200 ms and TLS', async () => {
    proxy.latency = 100;
    const parameters = { sslmode: 'verify-full', sslrootcert: join(folder, 'ca.pem') };
    const url = `${proxy.url(databaseUrl)}?${new URLSearchParams(parameters).toString()}`;
    const mesh = await startTestApp({ databaseUrl: url });
    try {
      const ready = () => new Client(mesh.url).get('/health/ready');
      expect((await eventually(ready, ({ status }) => status === 200)).status).toBe(200);
      await expectWorkRound(mesh);
      expect((await new Client(mesh.url).get('/health')).body).toMatchObject({ status: 'healthy' });
    } finally {
      proxy.latency = 0;
      await mesh.close();
    }
  }, 90_000);
});
