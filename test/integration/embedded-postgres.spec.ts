import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot } from '../../src/embedded-postgres/binaries.js';
import { readEmbeddedState } from '../../src/embedded-postgres/embedded-postgres.js';
import { ACCOUNTS, DataFolders, query, waitForEnd } from '../support/embedded-postgres-folders.js';
import { OwnerProgram } from '../support/embedded-postgres-owner.js';

describe.each(ACCOUNTS)('embedded PostgreSQL, run by %s', (_name, account) => {
  let program: OwnerProgram;
  let folders: DataFolders;

  beforeAll(async () => {
    program = OwnerProgram.build(account);
    folders = await DataFolders.prepare(program, account);
  });

  afterEach(async () => {
    await program.endAll();
    folders.removeUsed();
  });

  afterAll(() => {
    program.remove();
    folders.remove();
  });

  it('serves a UTF-8 database in UTC, on the loopback interface and behind a password', async () => {
    const owner = await program.start(folders.empty());

    expect(
      await query(
        owner.url,
        `SELECT current_database() AS name,
                current_setting('server_encoding') AS encoding,
                current_setting('timezone') AS timezone,
                current_setting('listen_addresses') AS addresses,
                current_setting('unix_socket_directories') AS sockets,
                lower('É') AS lower`,
      ),
    ).toEqual([
      {
        name: 'agent_mesh',
        encoding: 'UTF8',
        timezone: 'UTC',
        addresses: '127.0.0.1',
        sockets: '',
        lower: 'é',
      },
    ]);
    const guess = new URL(owner.url);
    guess.password = 'guess';
    await expect(query(guess.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps the data after a restart', async () => {
    const folder = folders.prepared();
    const first = await program.start(folder);
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect(await first.stop()).toBe(0);

    const second = await program.start(folder);

    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('writes its connection for other programs while it runs', async () => {
    const folder = folders.prepared();
    expect(readEmbeddedState(folder)).toBeUndefined();

    const owner = await program.start(folder);
    expect(readEmbeddedState(folder)).toEqual({ url: owner.url, pid: owner.pid });
    expect(statSync(join(folder, 'controller.json')).mode & 0o777).toBe(0o600);

    await owner.stop();
    expect(readEmbeddedState(folder)).toBeUndefined();
    expect(existsSync(join(folder, 'controller.json'))).toBe(false);
    expect(await waitForEnd(owner.postgresPid)).toBe(true);
  });

  it('reports a second start in one line, and keeps the first server', async () => {
    const folder = folders.prepared();
    const first = await program.start(folder);

    await expect(program.start(folder)).rejects.toThrow(
      `EmbeddedPostgresError: Another controller (pid ${first.pid}) already runs in ${folder}, ` +
        `with its database on 127.0.0.1:${new URL(first.url).port}. ` +
        'Stop it first, or start this one in another folder.',
    );

    expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(readEmbeddedState(folder)?.pid).toBe(first.pid);
  });

  it('ignores Ctrl-C of the terminal, so that its owner can drain first', async () => {
    const owner = await program.start(folders.prepared());

    expect(() => process.kill(-owner.postgresPid, 0)).not.toThrow();
  });

  it('reports in one line that its folder cannot be created', async () => {
    const file = join(folders.empty(), 'file');
    writeFileSync(file, '');

    await expect(program.start(join(file, 'data'))).rejects.toThrow(
      /^EmbeddedPostgresError: The embedded PostgreSQL cannot run in .*: ENOTDIR.*set DATABASE_URL\.$/,
    );
  });

  it('reports in one line that the server does not start, with the path of its log', async () => {
    const folder = folders.prepared();
    await (await program.start(folder)).stop();
    writeFileSync(join(folders.homeOf(folder), 'postgres', 'PG_VERSION'), '9.1\n');

    await expect(program.start(folder)).rejects.toThrow(
      /^EmbeddedPostgresError: The embedded PostgreSQL did not start: database files are incompatible with server\. See .*\/postgres\.log, or set DATABASE_URL.*$/,
    );
    writeFileSync(join(folders.homeOf(folder), 'postgres', 'PG_VERSION'), '18\n');
    await expect(program.start(folder)).resolves.toBeDefined();
  });

  it('reports in one line that the optional dependency is missing', async () => {
    const elsewhere = OwnerProgram.buildWithoutDependency(account);
    try {
      await expect(elsewhere.start(folders.empty())).rejects.toThrow(
        /^EmbeddedPostgresError: The optional dependency embedded-postgres is not installed .*set DATABASE_URL.*$/,
      );
    } finally {
      elsewhere.remove();
    }
  });

  // Root may write everywhere: these two say something of ordinary users.
  if (!isRoot() || account) {
    it('reports in one line that its folder is not writable', async () => {
      const folder = folders.empty();
      chmodSync(folder, 0o555);

      await expect(program.start(join(folder, 'data'))).rejects.toThrow(
        /^EmbeddedPostgresError: The embedded PostgreSQL cannot run in .*: EACCES.*set DATABASE_URL\.$/,
      );
      await expect(program.start(folder)).rejects.toThrow(/^EmbeddedPostgresError: .*EACCES.*$/);
    });

    it('runs from a copy when the package is read-only and its links are missing', async () => {
      const elsewhere = OwnerProgram.buildWithIncompleteDependency(account);
      const folder = folders.empty();
      try {
        const owner = await elsewhere.start(folder);

        expect(await query(owner.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
        expect(readdirSync(folder).filter((name) => /^postgres-18/.test(name))).toHaveLength(1);
        await owner.stop();
      } finally {
        await elsewhere.endAll();
        elsewhere.remove();
      }
    });
  }
});
