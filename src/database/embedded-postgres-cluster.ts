import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Account, PostgresBinaries } from './embedded-postgres-binaries.js';
import { EmbeddedPostgresError, oneLine } from './embedded-postgres-error.js';
import { isAlive, isGoneWithin, isPostgresOf } from './embedded-postgres-processes.js';

/** The only role of the cluster, which owns everything, and the name of the database. */
export const DATABASE = 'agent_mesh';

/** Server settings, as `postgres -c name=value` takes them. */
export type PostgresSettings = Readonly<Record<string, string>>;

/** A data directory on disk. */
export interface PostgresCluster {
  folder: string;
  logFile: string;
  password: string;
}

const CLUSTER_NAME = 'postgres';
const DRAFT_PREFIX = 'postgres.init-';
const PASSWORD_FILE = 'controller.password';

/** What a program of PostgreSQL finds in its environment: nothing of ours, such as PGDATA or TZ. */
export const POSTGRES_ENV = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };

/** Opens the cluster in `home`, and makes it first when there is none. */
export async function openCluster(
  home: string,
  binaries: PostgresBinaries,
  settings: PostgresSettings,
): Promise<PostgresCluster> {
  const folder = join(home, CLUSTER_NAME);
  await removeDrafts(home);
  if (!existsSync(folder)) await createCluster(home, folder, binaries, settings);
  const password = await readFile(join(folder, PASSWORD_FILE), 'utf8');
  return { folder, logFile: join(home, 'postgres.log'), password };
}

/** Stops the server that a killed controller left behind, if there is one. */
export async function stopLeftover({ folder }: PostgresCluster): Promise<void> {
  const pidFile = join(folder, 'postmaster.pid');
  const content = await readFile(pidFile, 'utf8').catch(() => undefined);
  if (content === undefined) return;

  const pid = Number.parseInt(content, 10);
  if (isPostgresOf(pid, folder)) {
    await shutDownPostgres(pid);
  } else if (content.trim() === '') {
    // The server died before it wrote its number, and would refuse to start because of it.
    await rm(pidFile, { force: true });
  } else if (isAlive(pid)) {
    // Another program has the number now. A server ignores a file that names its own parent, but
    // still checks the shared memory that the file names, which tells of surviving backends.
    await writeFile(pidFile, content.replace(/^\d+/, String(process.pid)));
  }
}

/** Stops a server: cleanly if it can in ten seconds, otherwise at once. */
export async function shutDownPostgres(pid: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!isAlive(pid)) return;
    process.kill(pid, signal);
    if (await isGoneWithin(pid, 10_000)) return;
  }
  throw new EmbeddedPostgresError(`The PostgreSQL server with pid ${pid} does not stop: end it.`);
}

async function createCluster(
  home: string,
  folder: string,
  binaries: PostgresBinaries,
  settings: PostgresSettings,
): Promise<void> {
  // A kill in the middle leaves a draft, never half a cluster.
  const draft = await mkdtemp(join(home, DRAFT_PREFIX));
  const [data, passwordFile] = [join(draft, 'data'), join(draft, 'password')];
  await mkdir(data, { mode: 0o700 });
  await writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 });
  await handOver([draft, data, passwordFile], binaries.runAs);

  await initdb(home, data, passwordFile, binaries, settings);
  await rename(passwordFile, join(data, PASSWORD_FILE));
  await rename(data, folder);
  await syncFolder(home);
  await rm(draft, { recursive: true, force: true });
}

async function initdb(
  cwd: string,
  data: string,
  passwordFile: string,
  { initdb, runAs }: PostgresBinaries,
  settings: PostgresSettings,
): Promise<void> {
  const options = ['--encoding=UTF8', '--no-locale', '--no-instructions', '--auth=scram-sha-256'];
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const names = [`--pgdata=${data}`, `--username=${DATABASE}`, `--pwfile=${passwordFile}`];
  const sync = settings.fsync === 'off' ? ['--no-sync'] : [];
  try {
    await promisify(execFile)(initdb, [...options, ...locale, ...names, ...sync], {
      cwd,
      env: POSTGRES_ENV,
      ...runAs,
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL could not make its cluster in ${cwd}: ${oneLine(stderr ?? '') || message}. Set DATABASE_URL to use another server.`,
      { cause: error },
    );
  }
}

async function handOver(paths: string[], account: Account | undefined): Promise<void> {
  if (!account) return;
  for (const path of paths) await chown(path, account.uid, account.gid);
}

async function removeDrafts(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.startsWith(DRAFT_PREFIX)) continue;
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
}
