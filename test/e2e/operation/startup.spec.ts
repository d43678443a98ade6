import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { MIGRATION_LOCK } from '../../../src/database/migrate.js';
import { newSubject, startTestApp, tokenFor } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { eventually } from '../../support/eventually.js';
import {
  createTestDatabase,
  startTestPostgres,
  type TestPostgres,
} from '../../support/postgres.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { patient } from '../../support/patience.js';

let postgres: TestPostgres;
let controllers: ControllerProcess[];

describe('startup', () => {
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });

  beforeEach(() => {
    controllers = [];
  });

  afterEach(async () => {
    await Promise.all(controllers.map((controller) => controller.stop()));
  });

  afterAll(() => postgres.stop());

  /** Starts the program as in production on a database that it is to bring up to date. */
  async function start(databaseUrl: string): Promise<ControllerProcess> {
    const env = { DATABASE_URL: databaseUrl, MIGRATE_ON_START: 'true' };
    const controller = await ControllerProcess.startMain(env);
    controllers.push(controller);
    return controller;
  }

  const agentOf = ({ url }: ControllerProcess): Client =>
    new Client(url, tokenFor('finance', newSubject('finance')), false);

  async function expectToWait(controller: ControllerProcess, reason: string): Promise<void> {
    const line = `Waiting for the database. ${reason}`;
    const output = await eventually(
      () => controller.output,
      (text) => text.includes(line),
    );
    expect(output).toContain(line);
    const agent = agentOf(controller);
    expect((await agent.get('/health/live')).status).toBe(200);
    expect((await agent.get('/health')).body).toMatchObject({ database: 'disconnected' });
    expect((await agent.get('/health/ready')).status).toBe(503);
    const refused = await agent.post('/sessions', { role: 'finance' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'database.unavailable' } });
    expect(refused.headers.get('retry-after')).toBe('1');
  }

  async function expectToWork(controller: ControllerProcess): Promise<void> {
    const agent = agentOf(controller);
    const ready = await eventually(
      () => agent.get('/health/ready'),
      ({ status }) => status === 200,
    );
    expect(ready.status).toBe(200);
    expect((await agent.post('/sessions', { role: 'finance' })).status).toBe(201);
    expect(controller.output).not.toContain('"level":"error"');
  }

  async function expectToStop(controller: ControllerProcess): Promise<void> {
    const started = performance.now();
    controller.kill('SIGTERM');
    await controller.ended;
    expect(controller.exitCode).toBe(0);
    expect(performance.now() - started).toBeLessThan(patient(5_000));
  }

  describe('before the database is ready', () => {
    it('waits while PostgreSQL is down, then migrates and works', async () => {
      const databaseUrl = await createTestDatabase(postgres.url);
      postgres.kill('SIGKILL');
      try {
        const controller = await start(databaseUrl);
        await expectToWait(controller, 'The database does not respond');
        await postgres.restart();
        await expectToWork(controller);
      } finally {
        await postgres.restart();
      }
    });

    it('logs a wrong password and then a missing database', async () => {
      await withClient(postgres.url, (client) =>
        client.query(`CREATE ROLE late LOGIN PASSWORD 'another'`),
      );
      const url = new URL(postgres.url);
      Object.assign(url, { username: 'late', password: 'secret-word', pathname: '/late' });
      const controller = await start(url.href);
      await expectToWait(controller, 'The database refuses the password');

      await withClient(postgres.url, (client) =>
        client.query(`ALTER ROLE late PASSWORD 'secret-word'`),
      );
      await expectToWait(controller, 'The database named in DATABASE_URL does not exist');

      await withClient(postgres.url, (client) => client.query('CREATE DATABASE late OWNER late'));
      await expectToWork(controller);
      expect(controller.output).not.toContain('secret-word');
    });

    it('waits while PostgreSQL does not respond, and stops on SIGTERM', async () => {
      const proxy = await TcpProxy.inFrontOf(postgres.url);
      proxy.silent = true;
      try {
        const controller = await start(proxy.url(postgres.url));
        await expectToWait(controller, 'Connection terminated due to connection timeout');
        await expectToStop(controller);
      } finally {
        await proxy.close();
      }
    });

    it('listens while another controller migrates, and is ready afterwards', async () => {
      const databaseUrl = await createTestDatabase(postgres.url);
      const other = new pg.Client({ connectionString: databaseUrl });
      await other.connect();
      await other.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      const mesh = await startTestApp({ databaseUrl, env: { MIGRATE_ON_START: 'true' } });
      try {
        const agent = new Client(mesh.url);
        expect((await agent.get('/health/live')).status).toBe(200);
        expect((await agent.get('/health/ready')).status).toBe(503);
        await other.end();
        const ready = await eventually(
          () => agent.get('/health/ready'),
          ({ status }) => status === 200,
        );
        expect(ready.status).toBe(200);
      } finally {
        await mesh.close();
      }
    });
  });

  describe('with an error that waiting cannot fix', () => {
    it.each(['nope.invalid', '192.0.2.1', '127.0.0.1:80'])(
      'exits with one line when it cannot listen on HOST %s',
      async (HOST) => {
        const databaseUrl = await createTestDatabase(postgres.url);
        const env = { DATABASE_URL: databaseUrl, MIGRATE_ON_START: 'true', HOST };
        const controller = await ControllerProcess.launchMain(env);
        await controller.ended;
        expect(controller.exitCode).toBe(1);
        expect(controller.output).toContain(
          'agent-mesh-controller: HOST is not an address of this machine. ',
        );
        expect(controller.output).not.toContain('DATABASE_URL');
      },
    );

    it('exits with one line when the database lacks a migration', async () => {
      const databaseUrl = await createTestDatabase(postgres.url);
      const controller = await ControllerProcess.launchMain({ DATABASE_URL: databaseUrl });
      await controller.ended;
      expect(controller.exitCode).toBe(1);
      expect(controller.output).toBe(
        'agent-mesh-controller: The database lacks migrations: run `npm run migration:run`, or set MIGRATE_ON_START=true.\n',
      );
    });
  });
});
