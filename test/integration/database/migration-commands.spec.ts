import { afterEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { MIGRATIONS } from '../../../migrations/index.js';
import { lacksMigrations, MIGRATION_LOCK } from '../../../src/database/migrate.js';
import { programFile } from '../../support/program-file.js';
import { WAITS_HERE } from '../../support/lock-waits.js';
import { appliedMigrations, dropDatabases, emptyDatabase, up } from '../../support/migrations.js';

describe('npm run migration', () => {
  afterEach(dropDatabases);

  /** Runs a command as `npm run migration:…` does, told nothing but which database; gives what it prints. */
  async function typeorm(url: string, command: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [resolve('node_modules/typeorm/cli.js'), command, '-d', 'src/data-source.js', ...args],
      { cwd: programFile('.'), env: { PATH: process.env.PATH, DATABASE_URL: url } },
    );
    return stdout;
  }

  it('shows, runs and reverts the migrations of a new database', async () => {
    const url = await emptyDatabase();
    const [last] = MIGRATIONS.slice(-1);

    expect(await typeorm(url, 'migration:show')).toContain(`[ ] ${last?.name ?? ''}`);
    await typeorm(url, 'migration:run');
    expect(await appliedMigrations(url)).toEqual(MIGRATIONS.map(({ name }) => name));
    expect(await typeorm(url, 'migration:show')).not.toContain('[ ]');

    await typeorm(url, 'migration:revert');
    expect(await appliedMigrations(url)).toEqual(MIGRATIONS.slice(0, -1).map(({ name }) => name));
  }, 120_000);

  it('waits while another process migrates', async () => {
    const url = await emptyDatabase();
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const run = typeorm(url, 'migration:run');
    const waits = `SELECT 1 FROM pg_locks WHERE ${WAITS_HERE} AND locktype = 'advisory'`;
    while ((await other.query(waits)).rows.length === 0) await sleep(50);
    expect(await lacksMigrations(url)).toBe(true);
    await other.end();
    await run;
    expect(await lacksMigrations(url)).toBe(false);
  }, 120_000);

  it('finds no difference between schema and entities', async () => {
    const url = await emptyDatabase();
    await up(url);

    expect(await typeorm(url, 'migration:generate', 'migrations/drift', '--check')).toContain(
      'No changes in database schema were found',
    );
  }, 120_000);
});
