import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { Account, isRoot } from '../../src/embedded-postgres/binaries.js';
import { clusterHome } from '../../src/embedded-postgres/embedded-postgres.js';
import { removeWithRun } from './end-with-run.js';
import { eventually } from './eventually.js';
import type { OwnerProgram } from './embedded-postgres-owner.js';

export const NOBODY: Account = { uid: 65534, gid: 65534 };

/** Root runs the server with another account and from a copy; everybody else in place. */
export const ACCOUNTS: [string, Account | undefined][] = [
  [isRoot() ? 'root' : 'an ordinary user', undefined],
  ...(isRoot() && isOpenToAll(process.cwd()) && isOpenToAll(process.execPath)
    ? [['an unprivileged user', NOBODY] as [string, Account]]
    : []),
];

/** Data folders of an account, new ones and such that have a cluster. */
export class DataFolders {
  private readonly used: string[] = [];

  private constructor(
    private readonly account: Account | undefined,
    private readonly template: string,
  ) {}

  /** Lets the program make the cluster that `prepared` folders get a copy of. */
  static async prepare(program: OwnerProgram, account: Account | undefined): Promise<DataFolders> {
    const folders = new DataFolders(account, newFolder(account));
    await (await program.start(folders.template)).stop();
    return folders;
  }

  /** A folder in which no controller ever ran. */
  empty(): string {
    const folder = newFolder(this.account);
    this.used.push(folder);
    return folder;
  }

  /** A folder in which a controller ran and was stopped: its start has no cluster to make, which takes longest. */
  prepared(): string {
    const folder = this.empty();
    mkdirSync(this.homeOf(folder), { recursive: true });
    // Keeps modes and, for root, the owner.
    const cluster = join(this.homeOf(this.template), 'postgres');
    execFileSync('cp', ['-Rp', cluster, join(this.homeOf(folder), 'postgres')]);
    return folder;
  }

  /** Where the cluster of a folder is. */
  homeOf(folder: string): string {
    return this.account ? folder : clusterHome(folder);
  }

  /** Removes all folders that were handed out. */
  removeUsed(): void {
    for (const folder of this.used.splice(0)) this.removeFolder(folder);
  }

  remove(): void {
    this.removeUsed();
    this.removeFolder(this.template);
  }

  private removeFolder(folder: string): void {
    chmodSync(folder, 0o700);
    for (const path of [folder, this.homeOf(folder)]) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

function newFolder(account: Account | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'agent-mesh-embedded-'));
  removeWithRun(folder);
  removeWithRun(clusterHome(folder));
  if (account) chownSync(folder, account.uid, account.gid);
  return folder;
}

/** Rows of a statement on a connection of its own. */
export async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Whether a process ends within ten seconds, longer on a slow machine; one that only waits for its parent has ended. */
export function waitForEnd(pid: number): Promise<boolean> {
  return eventually(() => hasEnded(pid), Boolean, 10_000);
}

function hasEnded(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
    return state.startsWith('Z');
  } catch {
    return true;
  }
}

function isOpenToAll(path: string): boolean {
  const open = (statSync(path).mode & 0o005) === 0o005;
  return open && (dirname(path) === path || isOpenToAll(dirname(path)));
}
