import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { clusterHome } from '../../../src/embedded-postgres/embedded-postgres.js';
import { VERSION } from '../../../src/version.js';
import { newDatabase, TEST_SECRET } from '../../support/app.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { removeWithRun } from '../../support/end-with-run.js';
import { query } from '../../support/embedded-postgres-folders.js';
import { createTestDatabase, dropTestDatabase } from '../../support/postgres.js';
import { programFile } from '../../support/program-file.js';

/** A shell that is set up for another server, whose settings would break every request. */
const FOREIGN_SHELL = {
  PGHOST: 'elsewhere.invalid',
  PGHOSTADDR: '192.0.2.1',
  PGPORT: '1',
  PGUSER: 'somebody',
  PGPASSWORD: 'a-foreign-password',
  PGPASSFILE: '/dev/null',
  PGDATABASE: 'another',
  PGOPTIONS: '-c default_transaction_read_only=on',
  PGSSLMODE: 'require',
  PGSSLNEGOTIATION: 'direct',
  PGSSLROOTCERT: '/nowhere',
  PGSERVICE: 'another',
  PGSERVICEFILE: '/nowhere',
  PGAPPNAME: 'a-foreign-name',
  PGCLIENTENCODING: 'LATIN1',
  PGCLIENT_ENCODING: 'LATIN1',
  PGREPLICATION: 'database',
  PGBINARY: 'true',
  PGCONNECT_TIMEOUT: '1',
  PGTZ: 'Asia/Tokyo',
  PGDATESTYLE: 'SQL, DMY',
  PGGEQO: 'off',
  PGDATA: '/nowhere',
};

describe('startup messages', () => {
  let databaseUrl: string;
  let controller: ControllerProcess | undefined;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
  });

  afterAll(() => dropTestDatabase(databaseUrl));

  beforeEach(() => {
    controller = undefined;
  });

  afterEach(() => controller?.stop());

  it('are one line at start and one at stop, without a secret', async () => {
    const password = new URL(databaseUrl).password;
    controller = await ControllerProcess.startMain({
      DATABASE_URL: databaseUrl,
      LOG_LEVEL: 'log',
      PROT: 'hidden-value',
    });
    const { host } = new URL(databaseUrl);
    expect(controller.output).toContain(
      `Agent Mesh Controller ${VERSION} listens at ${controller.url}. Database: ${host}. Redis: none. Issuer: development tokens.`,
    );
    expect(controller.output).toContain(String.raw`\"PROT\" has no effect; did you mean PORT?`);

    await controller.stop();
    expect(controller.output).toContain('Stopping on SIGTERM.');
    for (const secret of [password, TEST_SECRET, 'hidden-value'].filter(Boolean)) {
      expect(controller.output).not.toContain(secret);
    }
  });

  it('contain the misspelled variable that makes the configuration invalid', async () => {
    controller = await ControllerProcess.launchMain({
      NODE_ENV: 'production',
      JWT_SECRET: '',
      DATABSE_URL: databaseUrl,
    });
    await controller.ended;
    expect(controller.exitCode).toBe(1);
    expect(controller.output).toMatch(
      /^agent-mesh-controller: Configuration: .* "DATABSE_URL" has no effect; did you mean DATABASE_URL\?\n$/,
    );
  });

  it('are one line if the port is in use, before the database is migrated', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const empty = await createTestDatabase(databaseUrl);
    try {
      const { port } = server.address() as AddressInfo;
      controller = await ControllerProcess.launchMain({
        DATABASE_URL: empty,
        MIGRATE_ON_START: 'true',
        PORT: String(port),
      });
      await controller.ended;
      expect(controller.exitCode).toBe(1);
      expect(controller.output).toMatch(
        /^agent-mesh-controller: The port is already in use; set PORT to another\. .*\n$/,
      );
      expect(await query(empty, `SELECT to_regclass('migrations') AS name`)).toEqual([
        { name: null },
      ]);
    } finally {
      server.close();
      await dropTestDatabase(empty);
    }
  });

  describe('in embedded mode', () => {
    let folder: string;

    beforeEach(() => {
      folder = realpathSync(mkdtempSync(join(tmpdir(), 'agent-mesh-embedded-')));
      removeWithRun(folder);
      removeWithRun(clusterHome(folder));
    });

    afterEach(async () => {
      await controller?.stop();
      for (const path of [folder, clusterHome(folder)]) {
        rmSync(path, { recursive: true, force: true });
      }
    });

    it('name the ignored PG* variables; requests and migration commands work', async () => {
      const env = { DATA_DIR: folder, LOG_LEVEL: 'log', ...FOREIGN_SHELL };
      controller = await ControllerProcess.startMain(env);
      expect(controller.output).toContain('ignores PGAPPNAME, PGBINARY, ');
      expect(controller.output).not.toContain('a-foreign');
      expect(controller.output).toContain(`(the data stays in ${clusterHome(folder)})`);
      expect((await fetch(`${controller.url}/health/ready`)).status).toBe(200);

      const { stdout } = await promisify(execFile)(
        process.execPath,
        [resolve('node_modules/typeorm/cli.js'), 'migration:show', '-d', 'src/data-source.js'],
        {
          cwd: programFile('.'),
          env: { PATH: process.env.PATH, DATA_DIR: folder, ...FOREIGN_SHELL },
        },
      );
      expect(stdout).toContain('[X] ');
      expect(stdout).not.toContain('[ ] ');
    }, 60_000);
  });
});
