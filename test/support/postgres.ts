import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { preparePostgresBinaries } from '../../src/embedded-postgres/binaries.js';
import { openCluster } from '../../src/embedded-postgres/cluster.js';
import { PostgresServer } from '../../src/embedded-postgres/server.js';
import { removeWithRun } from './end-with-run.js';

/** A PostgreSQL server of its own for tests, which nobody starts again but `restart()`. */
export interface TestPostgres {
  readonly url: string;
  readonly pid: number;
  readonly port: number;
  readonly dataDir: string;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
  /** Sends the server a signal, such as SIGKILL or SIGSTOP. */
  kill(signal: NodeJS.Signals): void;
  /** Stops the server if it runs and starts it, after `meanwhile`, on the same port, with the same data. */
  restart(meanwhile?: () => Promise<unknown>): Promise<void>;
}

/** The folder of the cluster in the data directory. */
const CLUSTER = 'postgres';

const SETTINGS = { fsync: 'off', max_connections: '200' };

/** Starts a server with its data in a temporary folder: in a run of tests a copy of its cluster, with the migrated database. */
export async function startTestPostgres(
  settings: Record<string, string> = {},
): Promise<TestPostgres> {
  const dataDir = await newDataDir();
  const cluster = process.env.TEST_POSTGRES_CLUSTER;
  if (cluster !== undefined) await copyFolder(cluster, join(dataDir, CLUSTER));
  return startIn(dataDir, settings);
}

/** Starts a server with a new, empty cluster, whose system identifier no other has. */
export async function startNewPostgres(
  settings: Record<string, string> = {},
): Promise<TestPostgres> {
  return startIn(await newDataDir(), settings);
}

/** Restarts a server. Returns the folder of a copy of its cluster, which is removed with its data. */
export async function copyCluster(postgres: TestPostgres): Promise<string> {
  const copy = join(postgres.dataDir, 'copy');
  await postgres.restart(() => copyFolder(join(postgres.dataDir, CLUSTER), copy));
  return copy;
}

export interface StandbyOptions {
  /** The port at which the standby connects to its primary, if a proxy is in between. */
  port?: number;
  /** The name of the standby in `synchronous_standby_names`. */
  name?: string;
  settings?: Record<string, string>;
}

/** Starts a hot standby of a server, as a copy that streams its changes. */
export async function startTestStandby(
  primary: TestPostgres,
  { port = primary.port, name = 'standby', settings = {} }: StandbyOptions = {},
): Promise<TestPostgres> {
  const dataDir = await newDataDir();
  const folder = join(dataDir, CLUSTER);
  // https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
  const client = new pg.Client({ connectionString: primary.url });
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('standby', true)`);
    await copyFolder(join(primary.dataDir, CLUSTER), folder);
    const { rows } = await client.query<{ label: string }>(
      'SELECT labelfile AS label FROM pg_backup_stop(false)',
    );
    await rm(join(folder, 'postmaster.pid'));
    await writeAsServer({ dataDir }, 'backup_label', rows[0]?.label ?? '');
    await writeAsServer({ dataDir }, 'standby.signal', '');
  } finally {
    await client.end();
  }
  const { username, password } = new URL(primary.url);
  const source = `host=127.0.0.1 port=${port} user=${username} password=${password}`;
  const primary_conninfo = `${source} application_name=${name}`;
  return startIn(dataDir, { ...settings, primary_conninfo });
}

/** Writes a file into the data directory, for the account of the server only. */
export async function writeAsServer(
  { dataDir }: Pick<TestPostgres, 'dataDir'>,
  name: string,
  text: string,
): Promise<void> {
  const folder = join(dataDir, CLUSTER);
  const file = join(folder, name);
  await writeFile(file, text, { mode: 0o600 });
  const { uid, gid } = await stat(folder);
  await chown(file, uid, gid);
}

async function copyFolder(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}

async function newDataDir(): Promise<string> {
  const dataDir = await realpath(await mkdtemp(join(tmpdir(), 'agent-mesh-postgres-')));
  removeWithRun(dataDir);
  // As root the server runs with another account, which has to pass through.
  await chmod(dataDir, 0o711);
  return dataDir;
}

async function startIn(dataDir: string, settings: Record<string, string>): Promise<TestPostgres> {
  const all = { ...SETTINGS, ...settings };
  const binaries = await preparePostgresBinaries(dataDir);
  const server = new PostgresServer(binaries, await openCluster(dataDir, binaries, all), all);
  const removeData = (): Promise<void> =>
    rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  await server.start().catch(async (error: unknown) => {
    await removeData();
    throw error;
  });

  const halt = async (): Promise<void> => {
    // A server that was paused would not hear that it has to stop.
    server.kill('SIGCONT');
    await server.stop();
  };
  return {
    dataDir,
    get url() {
      return server.url;
    },
    get pid() {
      return server.pid;
    },
    get port() {
      return server.port;
    },
    kill: (signal) => {
      server.kill(signal);
    },
    restart: async (meanwhile) => {
      await halt();
      await meanwhile?.();
      await server.start();
    },
    stop: async () => {
      await halt();
      await removeData();
    },
  };
}

/** The name of a database that is migrated, for others to be copies of. */
export const MIGRATED = 'migrated';

/** Makes a fresh database on the server of `adminUrl`, as a copy of `template`, and returns its URL. */
export async function createTestDatabase(
  adminUrl: string,
  name = `test_${randomBytes(6).toString('hex')}`,
  template = 'template1',
): Promise<string> {
  const statement = `CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE ${pg.escapeIdentifier(template)}`;
  await execute(withDatabase(adminUrl, 'postgres'), statement);
  return withDatabase(adminUrl, name);
}

/** Drops the database that a URL names, along with the connections that are left to it. */
export async function dropTestDatabase(url: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const statement = `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`;
  await execute(withDatabase(url, 'postgres'), statement);
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(database)}`;
  return changed.href;
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
