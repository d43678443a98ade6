import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Account } from '../../src/database/embedded-postgres-binaries.js';
import { clusterHome, readEmbeddedState } from '../../src/database/embedded-postgres.js';
import { Owner, OwnerProgram } from '../support/embedded-postgres-owner.js';

const root = process.geteuid?.() === 0;
const nobody: Account = { uid: 65534, gid: 65534 };

/** Root runs the server with another account and from a copy; everybody else in place. */
const accounts: [string, Account | undefined][] = [
  [root ? 'root' : 'an ordinary user', undefined],
  ...(root && isOpenToAll(process.cwd()) && isOpenToAll(process.execPath)
    ? [['an unprivileged user', nobody] as [string, Account]]
    : []),
];

describe.each(accounts)('The embedded PostgreSQL, run by %s', (_name, account) => {
  let program: OwnerProgram;
  const folders: string[] = [];

  beforeAll(() => {
    program = OwnerProgram.build(account);
  });

  afterEach(async () => {
    await program.endAll();
    for (const folder of folders.splice(0)) removeFolder(folder);
  });

  afterAll(() => {
    program.remove();
  });

  it('serves a UTF-8 database in UTC, on the loopback interface and behind a password', async () => {
    const owner = await program.start(newFolder());

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

  it('keeps the data from one start to the next', async () => {
    const folder = newFolder();
    const first = await program.start(folder);
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect(await first.stop()).toBe(0);

    const second = await program.start(folder);

    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('tells other programs about itself while it runs', async () => {
    const folder = newFolder();
    expect(readEmbeddedState(folder)).toBeUndefined();

    const owner = await program.start(folder);
    expect(readEmbeddedState(folder)).toEqual({ url: owner.url, pid: owner.pid });
    expect(statSync(join(folder, 'controller.json')).mode & 0o777).toBe(0o600);

    await owner.stop();
    expect(readEmbeddedState(folder)).toBeUndefined();
    expect(existsSync(join(folder, 'controller.json'))).toBe(false);
    expect(await waitForEnd(owner.postgresPid)).toBe(true);
  });

  it('says in one line who runs when it is started again, and leaves the first alone', async () => {
    const folder = newFolder();
    const first = await program.start(folder);

    await expect(program.start(folder)).rejects.toThrow(
      `EmbeddedPostgresError: Another controller (pid ${first.pid}) already runs in ${folder}, ` +
        `with its database on 127.0.0.1:${new URL(first.url).port}. ` +
        'Stop it first, or start this one in another folder.',
    );

    expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(readEmbeddedState(folder)?.pid).toBe(first.pid);
  });

  it('lets exactly one of several simultaneous starts win, also over a killed owner', async () => {
    const folder = newFolder();
    const first = await winnerOf(4, folder);
    first.kill('SIGKILL');
    const second = await winnerOf(4, folder);

    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('starts a killed server again, on the same port', async () => {
    const owner = await program.start(newFolder());
    await query(owner.url, 'CREATE TABLE kept AS SELECT 42 AS answer');

    const killed = owner.postgresPid;
    process.kill(killed, 'SIGKILL');

    await expect(eventually(() => query(owner.url, 'SELECT answer FROM kept'))).resolves.toEqual([
      { answer: 42 },
    ]);
    await eventually(() => {
      expect(owner.postgresPid).not.toBe(killed);
      return Promise.resolve();
    });
    expect(owner.lines).toEqual([
      `The embedded PostgreSQL (pid ${killed}) ended unexpectedly; starting it again.`,
    ]);
  });

  it('replaces the server that a killed owner left behind', async () => {
    const folder = newFolder();
    const killed = await program.start(folder);
    await query(killed.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const orphan = killed.postgresPid;
    killed.kill('SIGKILL');
    await killed.ended;
    expect(readEmbeddedState(folder)).toBeUndefined();

    const next = await program.start(folder);

    expect(next.postgresPid).not.toBe(orphan);
    expect(await waitForEnd(orphan)).toBe(true);
    expect(await query(next.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('recovers when the owner and the server were both killed, and another program got the number', async () => {
    const folder = newFolder();
    const killed = await program.start(folder);
    await query(killed.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    killed.kill('SIGKILL');
    process.kill(killed.postgresPid, 'SIGKILL');
    expect(await waitForEnd(killed.postgresPid)).toBe(true);
    const pidFile = join(homeOf(folder), 'postgres', 'postmaster.pid');
    // A process of the account that PostgreSQL runs with, which it takes for another server.
    const stranger = program.idle(root ? nobody : account);
    const content = readFileSync(pidFile, 'utf8');
    writeFileSync(pidFile, content.replace(/^\d+/, String(stranger.pid)));

    const next = await program.start(folder);

    expect(await query(next.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(stranger.exitCode).toBeNull();
  });

  it('recovers from a postmaster.pid that was never written to its end', async () => {
    const folder = newFolder();
    await (await program.start(folder)).stop();
    writeFileSync(join(homeOf(folder), 'postgres', 'postmaster.pid'), '');

    const next = await program.start(folder);

    expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it.each([100, 300, 600, 900])(
    'starts after a first start that was killed after %d ms',
    async (ms) => {
      const folder = newFolder();
      const killed = program.launch(folder);
      await sleep(ms);
      killed.kill('SIGKILL');
      await killed.ended;

      const next = await program.start(folder);

      expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await next.stop();
      expect(readdirSync(homeOf(folder)).filter((name) => name.includes('init-'))).toEqual([]);
    },
  );

  it('ends with an owner that exits without stopping it', async () => {
    const owner = await program.start(newFolder());

    owner.kill('SIGTERM');
    await owner.ended;

    expect(await waitForEnd(owner.postgresPid)).toBe(true);
  });

  it('does not hear the Ctrl-C of the terminal, so that the owner can drain first', async () => {
    const owner = await program.start(newFolder());

    expect(() => process.kill(-owner.postgresPid, 0)).not.toThrow();
  });

  it('explains in one line that its folder cannot be made', async () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');

    await expect(program.start(join(file, 'data'))).rejects.toThrow(
      /^EmbeddedPostgresError: The embedded PostgreSQL cannot run in .*: ENOTDIR.*set DATABASE_URL\.$/,
    );
  });

  it('explains in one line that the server does not start, and where its log is', async () => {
    const folder = newFolder();
    await (await program.start(folder)).stop();
    writeFileSync(join(homeOf(folder), 'postgres', 'PG_VERSION'), '9.1\n');

    await expect(program.start(folder)).rejects.toThrow(
      /^EmbeddedPostgresError: The embedded PostgreSQL did not start: database files are incompatible with server\. See .*\/postgres\.log, or set DATABASE_URL.*$/,
    );
    writeFileSync(join(homeOf(folder), 'postgres', 'PG_VERSION'), '18\n');
    await expect(program.start(folder)).resolves.toBeDefined();
  });

  it('explains in one line that the optional dependency is missing', async () => {
    const elsewhere = OwnerProgram.buildWithoutDependency(account);
    try {
      await expect(elsewhere.start(newFolder())).rejects.toThrow(
        /^EmbeddedPostgresError: The optional dependency embedded-postgres is not installed .*set DATABASE_URL.*$/,
      );
    } finally {
      elsewhere.remove();
    }
  });

  // Root may write everywhere: these two say something of ordinary users.
  if (!root || account) {
    it('explains in one line that it may not write to its folder', async () => {
      const folder = newFolder();
      chmodSync(folder, 0o555);

      await expect(program.start(join(folder, 'data'))).rejects.toThrow(
        /^EmbeddedPostgresError: The embedded PostgreSQL cannot run in .*: EACCES.*set DATABASE_URL\.$/,
      );
      await expect(program.start(folder)).rejects.toThrow(/^EmbeddedPostgresError: .*EACCES.*$/);
    });

    it('runs from a copy when the package is read-only and its links are missing', async () => {
      const elsewhere = OwnerProgram.buildWithIncompleteDependency(account);
      const folder = newFolder();
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

  function newFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-embedded-'));
    if (account) chownSync(folder, account.uid, account.gid);
    folders.push(folder);
    return folder;
  }

  function homeOf(folder: string): string {
    return account ? folder : clusterHome(folder);
  }

  function removeFolder(folder: string): void {
    chmodSync(folder, 0o700);
    for (const path of [folder, homeOf(folder)]) rmSync(path, { recursive: true, force: true });
  }

  async function winnerOf(starts: number, folder: string): Promise<Owner> {
    const outcomes = await Promise.allSettled(
      Array.from({ length: starts }, () => program.start(folder)),
    );
    const [winner, ...others] = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    );
    expect(others).toEqual([]);
    if (!winner) throw new Error('nobody won');
    for (const outcome of outcomes) {
      if (outcome.status !== 'rejected') continue;
      expect(String(outcome.reason)).toContain(`Another controller (pid ${winner.pid})`);
    }
    return winner;
  }
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

/** Whether a process ends within ten seconds; one that only waits for its parent has ended. */
async function waitForEnd(pid: number): Promise<boolean> {
  for (let i = 0; i < 200; i++) {
    try {
      const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
      if (state.startsWith('Z')) return true;
    } catch {
      return true;
    }
    await sleep(50);
  }
  return false;
}

function isOpenToAll(path: string): boolean {
  const open = (statSync(path).mode & 0o005) === 0o005;
  return open && (dirname(path) === path || isOpenToAll(dirname(path)));
}
