import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRoot } from '../../src/embedded-postgres/binaries.js';
import { readEmbeddedState } from '../../src/embedded-postgres/embedded-postgres.js';
import {
  ACCOUNTS,
  DataFolders,
  NOBODY,
  query,
  waitForEnd,
} from '../support/embedded-postgres-folders.js';
import { Owner, OwnerProgram } from '../support/embedded-postgres-owner.js';

describe.each(ACCOUNTS)('embedded PostgreSQL after a kill, run by %s', (_name, account) => {
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

  it('starts once from several concurrent starts, also after a killed owner', async () => {
    const folder = folders.empty();
    const first = await winnerOf(4, folder);
    first.kill('SIGKILL');
    const second = await winnerOf(4, folder);

    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('starts a killed server again, on the same port', async () => {
    const owner = await program.start(folders.prepared());
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
      `The embedded PostgreSQL (pid ${killed}) ended unexpectedly; restarting it.`,
    ]);
  });

  it('replaces the server of a killed owner', async () => {
    const folder = folders.prepared();
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

  it('recovers when owner and server were killed and another program has their process id', async () => {
    const folder = folders.prepared();
    const killed = await program.start(folder);
    await query(killed.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    killed.kill('SIGKILL');
    process.kill(killed.postgresPid, 'SIGKILL');
    expect(await waitForEnd(killed.postgresPid)).toBe(true);
    const pidFile = join(folders.homeOf(folder), 'postgres', 'postmaster.pid');
    // A process of the account that PostgreSQL runs with, which it takes for another server.
    const stranger = program.idle(isRoot() ? NOBODY : account);
    const content = readFileSync(pidFile, 'utf8');
    writeFileSync(pidFile, content.replace(/^\d+/, String(stranger.pid)));

    const next = await program.start(folder);

    expect(await query(next.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(stranger.exitCode).toBeNull();
  });

  it('recovers from a truncated postmaster.pid', async () => {
    const folder = folders.prepared();
    await (await program.start(folder)).stop();
    writeFileSync(join(folders.homeOf(folder), 'postgres', 'postmaster.pid'), '');

    const next = await program.start(folder);

    expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('starts after first starts that were killed', async () => {
    const folder = folders.empty();
    for (const ms of [100, 300, 600, 900]) {
      const killed = program.launch(folder);
      await sleep(ms);
      killed.kill('SIGKILL');
      await killed.ended;
      expect(killed.endedBy).toBe('SIGKILL');
    }

    const next = await program.start(folder);

    expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await next.stop();
    expect(readdirSync(folders.homeOf(folder)).filter((name) => name.includes('init-'))).toEqual(
      [],
    );
  });

  it('stops when its owner exits without stopping it', async () => {
    const owner = await program.start(folders.prepared());

    owner.kill('SIGTERM');
    await owner.ended;

    expect(await waitForEnd(owner.postgresPid)).toBe(true);
  });

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
