import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import { migrate } from '../../../src/database/migrate.js';
import { startTestApp } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { ControllerHealth } from '../../support/controller-health.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { until } from '../../support/eventually.js';
import {
  createTestDatabase,
  startTestPostgres,
  startTestStandby,
  type TestPostgres,
} from '../../support/postgres.js';
import { expectWorkRound } from '../../support/work-round.js';

const PROMOTE = 'SELECT pg_promote()';
const CONNECTED = `SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'agent-mesh%'`;
const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'agent-mesh%'`;

describe('several hosts of a database', () => {
  let primary: TestPostgres;
  let standby: TestPostgres;
  let databaseUrl: string;
  let controller: ControllerProcess | undefined;

  beforeEach(async () => {
    controller = undefined;
    primary = await startTestPostgres();
    databaseUrl = await createTestDatabase(primary.url);
    await migrate(databaseUrl);
    standby = await startTestStandby(primary);
  });

  afterEach(async () => {
    await controller?.stop();
    await standby.stop();
    await primary.stop();
  });

  /** The URL of the database with other hosts. */
  function urlOf(ports: readonly number[], parameters = ''): string {
    const { username, password, pathname } = new URL(databaseUrl);
    const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
    return `postgres://${username}:${password}@${hosts}${pathname}${parameters}`;
  }

  async function start(url: string): Promise<ControllerHealth> {
    controller = await ControllerProcess.startMain({ DATABASE_URL: url, LOG_LEVEL: 'log' });
    return new ControllerHealth(controller);
  }

  it.each(['', '?target_session_attrs=read-write', '?target_session_attrs=primary'])(
    'finds the primary behind a standby and a host that is down, and fails over: "%s"',
    async (parameters) => {
      const down = await freePort();
      const health = await start(urlOf([down, standby.port, primary.port], parameters));
      await health.expectWorking();

      const from = controller?.output.length;
      primary.kill('SIGKILL');
      await health.expect(503, { database: 'disconnected', notifications: 'polling' });
      expect(await health.createSession()).toMatchObject({
        status: 503,
        body: { code: 'database.unavailable' },
      });
      await withClient(standby.url, (client) => client.query(PROMOTE));
      await health.expectWorking();
      await health.expectLogged('The connection for LISTEN is open again.', from);
      health.expectNoCrash();
    },
    60_000,
  );

  it.each([
    ['', 'The database takes no writes (read_only). The instance is not ready.'],
    ['?target_session_attrs=read-write', 'No host in DATABASE_URL accepts writes.'],
  ])(
    'is not ready at a standby, until it is promoted: "%s"',
    async (parameters, message) => {
      const health = await start(urlOf([standby.port], parameters));
      await health.expect(503, { status: 'degraded', database_reason: 'read_only' });
      await health.expectLogged(message);
      expect(await health.createSession()).toMatchObject({
        status: 503,
        body: { code: 'database.unavailable' },
      });
      await withClient(standby.url, (client) => client.query(PROMOTE));
      await health.expectWorking();
      health.expectNoCrash();
    },
    60_000,
  );

  it('never writes to a former primary that is back and accepts writes', async () => {
    const health = await start(urlOf([primary.port, standby.port]));
    await health.expectWorking();
    primary.kill('SIGKILL');
    await health.expect(503, { database: 'disconnected' });
    await withClient(standby.url, (client) => client.query(PROMOTE));
    await health.expectWorking();
    await primary.restart();
    const from = controller?.output.length;
    // All connections have to be opened again, first while both hosts accept writes.
    await withClient(standby.url, (client) => client.query(TERMINATE));
    await health.expectWorking();
    standby.kill('SIGKILL');
    await health.expect(503, { database: 'disconnected' });
    await health.expectLogged('it is a former primary', from);
    await standby.restart();
    await health.expectWorking();
    health.expectNoCrash();
    await until(() =>
      withClient(primary.url, async (client) => (await client.query(CONNECTED)).rowCount === 0),
    );

    const sessions = (port: number) =>
      withClient(urlOf([port]), async (client) => {
        const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM sessions');
        return rows[0]?.count;
      });
    expect([await sessions(primary.port), await sessions(standby.port)]).toEqual(['1', '4']);
  }, 60_000);

  it('follows a primary that becomes a standby without going down', async () => {
    const health = await start(urlOf([primary.port, standby.port]));
    await health.expectWorking();
    const name = pg.escapeIdentifier(new URL(databaseUrl).pathname.slice(1));
    await withClient(primary.url, async (client) => {
      await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    });
    await until(() =>
      withClient(urlOf([standby.port]), async (client) => {
        const { rows } = await client.query<{ state: string }>(
          `SELECT current_setting('default_transaction_read_only') AS state`,
        );
        return rows[0]?.state === 'on';
      }),
    );
    await withClient(standby.url, async (client) => {
      await client.query(PROMOTE);
      await client.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    });
    await withClient(primary.url, (client) => client.query(TERMINATE));
    await health.expectWorking();
    health.expectNoCrash();
  }, 60_000);
});

describe('addresses of a database', () => {
  const PASSWORD = 'p@ss/w:r?d#%41 100%';
  let postgres: TestPostgres;
  let sockets: string;

  beforeAll(async () => {
    sockets = await mkdtemp(join(tmpdir(), 'sockets 100%'));
    // As root the server runs with another account.
    await chmod(sockets, 0o777);
    postgres = await startTestPostgres({
      listen_addresses: '127.0.0.1,::1',
      unix_socket_directories: sockets,
    });
    await withClient(postgres.url, (client) =>
      client.query(`CREATE ROLE "mesh 50%" LOGIN SUPERUSER PASSWORD ${pg.escapeLiteral(PASSWORD)}`),
    );
  });

  afterAll(async () => {
    await postgres.stop();
    await rm(sockets, { recursive: true, force: true });
  });

  const encoded = encodeURIComponent;
  const ADDRESSES: readonly [string, (database: string) => string][] = [
    ['an IPv6 address', (database) => `@[::1]:${postgres.port}/${database}`],
    ['a socket in the path', (database) => `@${encoded(sockets)}:${postgres.port}/${database}`],
    [
      'a socket in a parameter, which has no TLS',
      (database) =>
        `@/${database}?host=${encoded(sockets)}&port=${postgres.port}&sslmode=verify-full`,
    ],
    [
      'a host that is down and an IPv6 address',
      (database) => `@127.0.0.1:1,[::1]:${postgres.port}/${database}`,
    ],
  ];

  it.each(ADDRESSES)('%s, and percent signs in each part', async (_, addressOf) => {
    const name = `mesh 100% %41 ${Math.random()}`;
    await createTestDatabase(postgres.url, name);
    const url = `postgres://${encoded('mesh 50%')}:${encoded(PASSWORD)}${addressOf(encoded(name))}`;
    await migrate(url);
    const mesh = await startTestApp({ databaseUrl: url });
    try {
      await expectWorkRound(mesh);
    } finally {
      await mesh.close();
    }
  });
});
