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
import { Account, PostgresBinaries } from './binaries.js';
import { EmbeddedPostgresError, joinLines } from './error.js';
import { isAlive, isGoneWithin, isPostgresOf } from './processes.js';

/** Name of the database, and of the only role of the cluster, which owns all objects. */
export const DATABASE = 'agent_mesh';

/** Server settings for `postgres -c name=value`. */
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

/** Environment of the PostgreSQL programs. It contains no variables of the controller, such as PGDATA or TZ. */
export const POSTGRES_ENV = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };

/** Opens the cluster in `home`. Creates the cluster if it does not exist. */
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

/** Stops the server of a controller that was killed, if it still runs. */
export async function stopLeftover({ folder }: PostgresCluster): Promise<void> {
  const pidFile = join(folder, 'postmaster.pid');
  const content = await readFile(pidFile, 'utf8').catch(() => undefined);
  if (content === undefined) return;

  const pid = Number.parseInt(content, 10);
  if (isPostgresOf(pid, folder)) {
    await shutDownPostgres(pid);
  } else if (content.trim() === '') {
    // The server died before it wrote its pid. A new server would refuse to start because of the empty file.
    await rm(pidFile, { force: true });
  } else if (isAlive(pid)) {
    // Another program has this pid now. A server ignores a file with the pid of its own parent, but still checks the
    // shared memory that the file names, which detects surviving backends.
    await writeFile(pidFile, content.replace(/^\d+/, String(process.pid)));
  }
}

/** Stops a server: a clean shutdown for up to ten seconds, then an immediate one. */
export async function shutDownPostgres(pid: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!isAlive(pid)) return;
    process.kill(pid, signal);
    if (await isGoneWithin(pid, 10_000)) return;
  }
  throw new EmbeddedPostgresError(
    `The PostgreSQL server with pid ${pid} does not stop: end that process.`,
  );
}

async function createCluster(
  home: string,
  folder: string,
  binaries: PostgresBinaries,
  settings: PostgresSettings,
): Promise<void> {
  // If the process is killed here, a draft remains, but never an incomplete cluster.
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
      `The embedded PostgreSQL could not create its cluster in ${cwd}: ${joinLines(stderr ?? '') || message}. Set DATABASE_URL to use another server.`,
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
