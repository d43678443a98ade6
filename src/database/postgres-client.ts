import { readFileSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import {
  parsePostgresUrl,
  PostgresUrlError,
  type PostgresHost,
  type PostgresUrl,
  type ServerRole,
} from '../config/postgres-url.js';
import { codeOf } from '../errors/error-text.js';
import { ConnectError, connectErrorOf } from './connect-error.js';
import { PostgresServer } from './postgres-server.js';
import {
  pinSession,
  pinTransaction,
  type SessionLimits,
  type SessionState,
} from './session-settings.js';
import { type Timeline, timelineOf } from './timeline.js';
import { tlsOptions } from './tls-options.js';

/** Where the database is. */
export interface DatabaseAddress {
  readonly url: string;
  /** The variable with the URL, for messages. */
  readonly variable: string;
  /** The file with the URL. Each connection reads it, so a rotated password needs no restart. */
  readonly file?: string;
  /** Default: the primary. */
  readonly role?: ServerRole;
}

/** Options of a {@link PostgresClient}. A pool passes its own options. */
export interface PostgresClientOptions extends SessionLimits {
  readonly address: DatabaseAddress;
  /** Shared by the connections of one pool. */
  readonly server: PostgresServer;
  /** Whether the connection is used with prepared statements. */
  readonly usesPreparedStatements: boolean;
  readonly application_name?: string;
  readonly connectionTimeoutMillis?: number;
  readonly query_timeout?: number;
}

/** Milliseconds of silence after which the operating system checks whether the server is still there. */
const KEEP_ALIVE_MS = 10_000;

interface Resolved {
  readonly config: pg.ClientConfig;
  readonly url?: PostgresUrl;
  readonly failure?: unknown;
}

/**
 * A connection to PostgreSQL. Adds to the driver's:
 *
 * - It reads the URL, its file and the TLS files when it is created.
 * - It chooses among several hosts: one that accepts writes, or a standby.
 * - It pins the settings on which the controller depends, in a session of its own or, behind a pooler, in each
 *   transaction ({@link transactionPins}). It sends no startup parameter that poolers refuse.
 * - It never emits an `error` event without a listener: the next statement fails with its own error.
 */
export class PostgresClient extends pg.Client {
  /** Whether a pooler is between this process and the server. */
  isPooled = false;
  /** Whether statements can be prepared. */
  canPrepare = true;
  /** The statement with which each transaction must begin; undefined in a session of its own. */
  transactionPins?: string;
  private readonly resolved: Resolved;

  constructor(private readonly options: PostgresClientOptions) {
    const resolved = resolve(options);
    super(resolved.config);
    this.resolved = resolved;
    // After a connection is lost, another host can be the primary.
    this.on('error', () => {
      options.server.forgetHost();
    });
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error | null, client: pg.Client) => void): undefined;
  override connect(
    callback?: (error: Error | null, client: pg.Client) => void,
  ): Promise<pg.Client> | undefined {
    const opening = this.open();
    if (!callback) return opening;
    opening.then(
      (client) => {
        callback(null, client);
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new Error(String(error)), this);
      },
    );
    return undefined;
  }

  /** The server processes of this user that have worked on one statement for more than a second. */
  async activeProcesses(): Promise<ReadonlySet<number>> {
    const client = new PostgresClient(this.options);
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>(ACTIVE_PROCESSES);
      return new Set(rows.map(({ pid }) => pid));
    } finally {
      void client.end().catch(() => undefined);
    }
  }

  /** Whether the server process of this connection is in a set. Behind a pooler any of them can be. */
  isAmong(processes: ReadonlySet<number>): boolean {
    return this.isPooled ? processes.size > 0 : processes.has(this.processID ?? 0);
  }

  /** The state that the connections of the same pool share. */
  get server(): PostgresServer {
    return this.options.server;
  }

  private async open(): Promise<this> {
    const { url, failure } = this.resolved;
    const { server, address } = this.options;
    if (!url) throw failure;
    const startedAt = performance.now();
    try {
      Object.assign(this, await server.hostOf(url, (host) => this.probe(host)));
      await super.connect();
      await this.pin(url);
      server.openedIn(performance.now() - startedAt);
      return this;
    } catch (error) {
      server.forgetHost();
      void this.end().catch(() => undefined);
      throw connectErrorOf(error, address.variable);
    }
  }

  /** Returns the timeline of a primary. Rejects unless the host can be connected to and has the role of the address. */
  private async probe(host: PostgresHost): Promise<Timeline | undefined> {
    const client = new pg.Client({ ...this.resolved.config, ...host });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ read_only: string }>(
        `SELECT pg_catalog.current_setting('transaction_read_only') AS read_only`,
      );
      const isReadOnly = rows[0]?.read_only !== 'off';
      this.assertRole(isReadOnly);
      return isReadOnly ? undefined : await timelineOf(client);
    } finally {
      void client.end().catch(() => undefined);
    }
  }

  private async pin({ hosts, targetSession }: PostgresUrl): Promise<void> {
    const { options } = this;
    const { rows } = await this.query<SessionState>(pinSession(this.processID, options));
    const [state] = rows;
    if (!state) throw new Error('the statement returns one row');
    if (hosts.length > 1 || targetSession !== 'any') this.assertRole(state.read_only);
    this.isPooled = state.pid !== this.processID;
    if (!this.isPooled) return;
    this.transactionPins = pinTransaction(state, options);
    if (!options.usesPreparedStatements) return;
    this.canPrepare = await options.server.tracksPreparedStatements(() => this.isTracked());
  }

  private assertRole(isReadOnly: boolean): void {
    const { variable, role } = this.options.address;
    if (role === 'standby') {
      if (!isReadOnly) throw new ConnectError(`No host in ${variable} is a standby.`);
    } else if (isReadOnly) {
      throw new ConnectError(`No host in ${variable} accepts writes.`, 'read_only');
    }
  }

  /**
   * Whether the pooler tracks prepared statements. Such a pooler gives them names of its own, so PostgreSQL does not have
   * the name that the client chose.
   */
  private async isTracked(): Promise<boolean> {
    const isTracked = await this.query('BEGIN')
      .then(() => this.query({ name: PROBE, text: 'SELECT $1::integer', values: [1] }))
      .then(() =>
        this.query(`SELECT FROM pg_catalog.pg_prepared_statements WHERE name = '${PROBE}'`),
      )
      .then(({ rowCount }) => rowCount === 0)
      .catch((error: unknown) => {
        if (codeOf(error) === DUPLICATE_STATEMENT) return false;
        throw error;
      });
    await this.query(isTracked ? 'COMMIT' : `ROLLBACK; DEALLOCATE ${PROBE}`);
    if (!isTracked) logger.warn(NOT_TRACKED);
    return isTracked;
  }
}

const logger = new Logger(PostgresClient.name);

const ACTIVE_PROCESSES = `
  SELECT pid FROM pg_catalog.pg_stat_activity
   WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()
     AND state = 'active' AND query_start < clock_timestamp() - interval '1 second'`;

const PROBE = 'mesh_probe';
const DUPLICATE_STATEMENT = '42P05';
const NOT_TRACKED =
  'The pooler in front of the database does not track prepared statements. The controller sends statements without preparing them. With PgBouncer 1.21 or later, set max_prepared_statements.';

/** Reads the configuration. A failure is kept, because a constructor cannot reject. */
function resolve({ address, ...options }: PostgresClientOptions): Resolved {
  try {
    const url = parsePostgresUrl(readUrl(address), address.role);
    const [{ host, port }] = url.hosts;
    const timeout = url.connectTimeoutMs ?? options.connectionTimeoutMillis;
    return {
      url,
      config: {
        host,
        port,
        ...(url.user !== undefined && { user: url.user }),
        ...(url.password !== undefined && { password: url.password }),
        ...(url.database !== undefined && { database: url.database }),
        application_name: url.applicationName ?? options.application_name,
        ...(url.options !== undefined && { options: url.options }),
        ...(url.tls !== undefined && {
          ssl: url.tls && tlsOptions(url.tls, address.variable),
        }),
        ...(url.tls && url.tls.isDirect && { sslnegotiation: 'direct' as const }),
        enableChannelBinding: url.usesChannelBinding,
        connectionTimeoutMillis: timeout,
        query_timeout: options.query_timeout,
        keepAlive: true,
        keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      },
    };
  } catch (error) {
    const isUrl = error instanceof PostgresUrlError;
    const failure = isUrl
      ? new ConnectError(`${address.variable} ${error.message}.`, 'url_invalid', error)
      : error;
    return { config: { ssl: false }, failure };
  }
}

function readUrl({ url, variable, file }: DatabaseAddress): string {
  if (file === undefined) return url;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConnectError(`${variable}_FILE cannot be read.`, 'url_invalid', error);
  }
}
