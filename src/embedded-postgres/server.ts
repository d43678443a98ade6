import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { PostgresBinaries } from './binaries.js';
import {
  DATABASE,
  POSTGRES_ENV,
  PostgresCluster,
  PostgresSettings,
  shutDownPostgres,
  stopLeftover,
} from './cluster.js';
import { EmbeddedPostgresError } from './error.js';
import { freePort } from './free-port.js';

const START_TIMEOUT = 30_000;
const POLL_INTERVAL = 50;

/** Temporary errors: backends of a killed server are still ending, or another process took the port. */
const PASSING = /shared memory block|lock file "postmaster.pid"|could not (bind|create any TCP)/;

const DEFAULT_SETTINGS: PostgresSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** A PostgreSQL server as a child process. It keeps its port across restarts. */
export class PostgresServer {
  private child?: ChildProcess;
  private exit?: Promise<unknown>;
  private wanted = false;
  private assignedPort?: number;
  private logStart = 0;

  constructor(
    private readonly binaries: PostgresBinaries,
    private readonly cluster: PostgresCluster,
    private readonly settings: PostgresSettings,
  ) {}

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get port(): number {
    return this.assignedPort ?? 0;
  }

  get url(): string {
    return this.urlOf(this.port, DATABASE);
  }

  /** Resolves when the most recently started server process has ended. */
  async ended(): Promise<void> {
    await this.exit;
  }

  /** Starts the server. Resolves when it accepts connections to its database. */
  async start(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT;
    const firstStart = this.assignedPort === undefined;
    this.wanted = true;
    for (;;) {
      await stopLeftover(this.cluster);
      const port = this.assignedPort ?? (await freePort());
      const child = this.launch(port, firstStart ? 'w' : 'a');
      try {
        await this.untilReady(child, port, deadline);
        this.assignedPort = port;
        return;
      } catch (error) {
        await this.shutDown(child);
        const passes = PASSING.test(this.lastLogError()) && this.isWanted();
        if (!passes || performance.now() > deadline) throw this.startError(error);
        await sleep(POLL_INTERVAL);
      }
    }
  }

  /** Stops the server. Does nothing if it does not run. */
  async stop(): Promise<void> {
    this.wanted = false;
    if (this.child) await this.shutDown(this.child);
  }

  /** Sends a signal to the server, if it runs. */
  kill(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  private isWanted(): boolean {
    return this.wanted;
  }

  private launch(port: number, logMode: 'w' | 'a'): ChildProcess {
    const log = openSync(this.cluster.logFile, logMode, 0o600);
    this.logStart = fstatSync(log).size;
    const settings = { ...DEFAULT_SETTINGS, ...this.settings, port: String(port) };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(this.binaries.postgres, ['-D', this.cluster.folder, ...options], {
      cwd: dirname(this.cluster.folder),
      env: POSTGRES_ENV,
      stdio: ['ignore', log, log],
      // Ctrl-C signals the whole process group, but the controller must drain before PostgreSQL stops.
      detached: true,
      ...this.binaries.runAs,
    });
    closeSync(log);
    child.unref();
    this.child = child;
    this.exit = once(child, 'exit').catch((error: unknown) => error);
    return child;
  }

  private async untilReady(child: ChildProcess, port: number, deadline: number): Promise<void> {
    let lastFailure: unknown;
    while (performance.now() < deadline && this.isWanted()) {
      const exit = await Promise.race([sleep(POLL_INTERVAL), this.exit]);
      if (exit instanceof Error) throw exit;
      if (hasEnded(child)) throw new Error('the server process ended at once');
      try {
        await this.connectOnce(port);
        return;
      } catch (error) {
        lastFailure = error;
      }
    }
    throw new Error('the server did not accept connections in time', { cause: lastFailure });
  }

  private async connectOnce(port: number): Promise<void> {
    try {
      await query(this.urlOf(port, DATABASE), 'SELECT 1');
    } catch (error) {
      const databaseIsMissing = (error as pg.DatabaseError).code === '3D000';
      if (!databaseIsMissing) throw error;
      await query(this.urlOf(port, 'postgres'), `CREATE DATABASE ${DATABASE}`);
    }
  }

  private async shutDown(child: ChildProcess): Promise<void> {
    if (child.pid === undefined || hasEnded(child)) return;
    // Without ref() this process could exit before the `exit` event of the child arrives.
    child.ref();
    await shutDownPostgres(child.pid);
    await this.ended();
  }

  private urlOf(port: number, database: string): string {
    return `postgres://${DATABASE}:${this.cluster.password}@127.0.0.1:${port}/${database}`;
  }

  private startError(error: unknown): EmbeddedPostgresError {
    const reason = this.lastLogError() || (error instanceof Error ? error.message : String(error));
    return new EmbeddedPostgresError(
      `The embedded PostgreSQL did not start: ${reason}. See ${this.cluster.logFile}, or set DATABASE_URL to use another server.`,
      { cause: error },
    );
  }

  private lastLogError(): string {
    const log = readFileSync(this.cluster.logFile).subarray(this.logStart).toString();
    const errors = [...log.matchAll(/(?:FATAL|PANIC): +(.*)/g)];
    return errors.at(-1)?.[1] ?? '';
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function query(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 1000 });
  // The server can stop between two steps. The step that fails reports the error.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}
