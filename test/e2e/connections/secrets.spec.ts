import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newDatabase } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { ControllerHealth } from '../../support/controller-health.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.js';
import { TERMINATE } from '../../support/terminate.js';

describe('DATABASE_URL_FILE', () => {
  let postgres: TestPostgres;
  let databaseUrl: string;
  let folder: string;
  let file: string;
  let controller: ControllerProcess;
  let health: ControllerHealth;
  /** The password of the database. */
  let password = 'one';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'database-url-'));
    file = join(folder, 'url');
    postgres = await startTestPostgres();
    databaseUrl = await newDatabase(postgres.url);
    await withClient(postgres.url, (client) =>
      client.query(`CREATE ROLE rotated LOGIN SUPERUSER PASSWORD '${password}'`),
    );
    await write(password);
    controller = await ControllerProcess.startMain({ DATABASE_URL_FILE: file, LOG_LEVEL: 'log' });
    health = new ControllerHealth(controller);
    await health.expectWorking();
  });

  afterAll(async () => {
    await controller.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Replaces the file in one step, as secret stores do. */
  async function write(text: string): Promise<void> {
    const url = Object.assign(new URL(databaseUrl), { username: 'rotated', password: text });
    await writeFile(`${file}.new`, `${url.href}\n`);
    await rename(`${file}.new`, file);
  }

  async function changePassword(text: string): Promise<void> {
    password = text;
    await withClient(postgres.url, async (client) => {
      await client.query(`ALTER ROLE rotated PASSWORD '${password}'`);
      await client.query(TERMINATE);
    });
  }

  it('is read for new connections: a password that was rotated first in the file', async () => {
    await write('two');
    await changePassword('two');
    await health.expectWorking();
    health.expectNoCrash();
  });

  it('is read for new connections: a password that was rotated first in the database', async () => {
    const from = controller.output.length;
    await changePassword('three');
    await health.expect(503, { database_reason: 'login_failed', notifications: 'polling' });
    expect(await health.createSession()).toMatchObject({
      status: 503,
      body: { code: 'database.unavailable' },
    });
    await health.expectLogged('The database refuses the password; check DATABASE_URL.', from);
    await write(password);
    await health.expectWorking();
    health.expectNoCrash();
    for (const secret of ['one', 'two', 'three']) {
      expect(controller.output).not.toContain(`:${secret}@`);
    }
  });

  it('without a password: 503 with the reason of a failed login', async () => {
    const from = controller.output.length;
    await write('');
    await withClient(postgres.url, (client) => client.query(TERMINATE));
    await health.expect(503, { database_reason: 'login_failed', notifications: 'polling' });
    await health.expectLogged('The login failed: check the password in DATABASE_URL.', from);
    await write(password);
    await health.expectWorking();
    health.expectNoCrash();
  });

  it.each([
    ['missing', () => rm(file), 'DATABASE_URL_FILE cannot be read.'],
    ['not a URL', () => writeFile(file, 'secret'), 'DATABASE_URL must be a URL such as'],
    ['empty', () => writeFile(file, ''), 'DATABASE_URL must be a URL such as'],
  ])('%s at run time: 503 until it is mended', async (_, apply, message) => {
    const from = controller.output.length;
    await apply();
    await withClient(postgres.url, (client) => client.query(TERMINATE));
    await health.expect(503, { database_reason: 'url_invalid', notifications: 'polling' });
    expect(await health.createSession()).toMatchObject({
      status: 503,
      body: { code: 'database.unavailable' },
    });
    await health.expectLogged(message, from);
    expect(controller.output).not.toContain('secret');
    await write(password);
    await health.expectWorking();
    health.expectNoCrash();
  });
});
