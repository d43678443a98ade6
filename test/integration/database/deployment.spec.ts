import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Environment } from '../../../src/config/environment.js';
import { databaseOptions } from '../../../src/database/database-options.js';
import { DeploymentService } from '../../../src/database/deployment.service.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { withClient } from '../../support/catalog.js';
import { until } from '../../support/eventually.js';
import {
  createTestDatabase,
  MIGRATED,
  startTestPostgres,
  type TestPostgres,
} from '../../support/postgres.js';

describe('DeploymentService', () => {
  let postgres: TestPostgres;
  let url: string;
  const stops: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    Logger.overrideLogger(false);
    postgres = await startTestPostgres();
    url = await createTestDatabase(postgres.url, 'mesh', MIGRATED);
  });

  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  afterAll(() => postgres.stop());

  async function opened(of = url): Promise<DeploymentService> {
    const dataSource = await new DataSource(databaseOptions(of, 2)).initialize();
    stops.push(() => dataSource.destroy());
    const transactions = new TransactionsService(dataSource);
    return new DeploymentService(dataSource, transactions, new Environment());
  }

  async function idOf(of = url): Promise<string | undefined> {
    const sut = await opened(of);
    await sut.check();
    return sut.id;
  }

  const execute = (statement: string) =>
    withClient(url, (client) => client.query<{ data_directory?: string }>(statement));

  it('has no id before the first check, and then one that stays', async () => {
    const sut = await opened();
    expect(sut.id).toBeUndefined();
    await Promise.all([sut.check(), sut.check()]);
    expect(sut.id).toMatch(/^[0-9a-f]{32}$/);
    expect(await idOf()).toBe(sut.id);
  });

  it('has another id in a copy of the database', async () => {
    const copy = await createTestDatabase(postgres.url, 'copy', 'mesh');
    expect(await idOf(copy)).not.toBe(await idOf());
  });

  it('has another id after the operator changed it', async () => {
    const sut = await opened();
    await sut.check();
    const before = sut.id;
    await execute('UPDATE deployment SET deployment_id = gen_random_uuid()');
    await sut.check();
    expect(sut.id).not.toBe(before);
  });

  it('has another id after the server restarted, because its files may be a snapshot', async () => {
    const before = await idOf();
    await postgres.restart();
    expect(await idOf()).not.toBe(before);
  });

  it('keeps its id while the server is down', async () => {
    const sut = await opened();
    await sut.check();
    const before = sut.id;
    postgres.kill('SIGSTOP');
    try {
      await Promise.race([sut.check(), new Promise((resolve) => setTimeout(resolve, 300))]);
      expect(sut.id).toBe(before);
    } finally {
      postgres.kill('SIGCONT');
    }
  });

  it('has an id in a standby, and another one after its promotion', async () => {
    const { rows } = await execute('SHOW data_directory');
    await writeFile(join(rows[0]?.data_directory ?? '', 'standby.signal'), '', { mode: 0o644 });
    await postgres.restart();
    const standby = await idOf();
    expect(standby).toMatch(/^[0-9a-f]{32}$/);
    await execute('SELECT pg_promote()');
    await until(async () => (await idOf()) !== standby);
  });

  it.each(['pg_control_system()', 'pg_walfile_name(pg_lsn)', 'pg_postmaster_start_time()'])(
    'has an id for a role that must not call %s',
    async (name) => {
      await execute(`
        DROP ROLE IF EXISTS reader;
        CREATE ROLE reader LOGIN PASSWORD 'reader';
        GRANT SELECT ON deployment TO reader;
        REVOKE EXECUTE ON FUNCTION ${name} FROM PUBLIC`);
      try {
        const reader = new URL(url);
        reader.username = reader.password = 'reader';
        expect(await idOf(reader.href)).toMatch(/^[0-9a-f]{32}$/);
      } finally {
        await execute(
          `GRANT EXECUTE ON FUNCTION ${name} TO PUBLIC; DROP OWNED BY reader; DROP ROLE reader`,
        );
      }
    },
  );

  it('has no id without its row or its table', async () => {
    const sut = await opened();
    await sut.check();
    await execute('DELETE FROM deployment');
    await sut.check();
    expect(sut.id).toBeUndefined();
    await execute('DROP TABLE deployment');
    expect(await idOf()).toBeUndefined();
  });
});
