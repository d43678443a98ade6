import { hash } from 'node:crypto';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { messageOf } from '../errors/error-text.js';
import { poolOf } from './connection-pool.js';
import { classify } from './postgres-errors.js';
import { TransactionsService } from './transactions.service.js';

/** Interval of the checks in milliseconds, and the interval until the first one succeeds. */
const CHECK_MS = 2_000;
const FIRST_CHECK_MS = 50;

/** Runs a statement without parameters and returns its rows. */
type Run = (text: string) => Promise<readonly { identity: string }[]>;

/**
 * Identifies the database that this process uses, for caches outside of it. The id is the digest of the random id in the
 * table `deployment` and of everything that distinguishes a copy of that database: its cluster, its oid, its timeline and
 * the start of its server. So a copy, a restored backup and a promoted standby have ids of their own, without a change in
 * the database. A new id only costs cache misses.
 *
 * A database can be replaced while the process runs. So the id is also read first on each new connection, and every 2
 * seconds because a pooler can replace connections to the server. While PostgreSQL is away the last id stays.
 */
@Injectable()
export class DeploymentService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DeploymentService.name);
  private current?: string;
  /** New connections whose database was not identified yet. */
  private unidentified = 0;
  private query = 0;
  private checking?: Promise<void>;
  private timer?: NodeJS.Timeout;
  private isWatched = false;
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
  ) {}

  /** 32 hexadecimal digits; undefined until the database is identified. */
  get id(): string | undefined {
    return this.unidentified > 0 ? undefined : this.current;
  }

  /** Identifies the database only if a cache uses the id. */
  onApplicationBootstrap(): void {
    if (this.environment.REDIS_URL.length > 0) this.schedule(0);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.checking;
  }

  /** Reads the id now, or joins the check in progress. Never rejects. */
  check(): Promise<void> {
    this.checking ??= this.readFromPool().finally(() => {
      this.checking = undefined;
    });
    return this.checking;
  }

  private schedule(ms: number): void {
    this.timer = setTimeout(() => {
      void this.check().finally(() => {
        if (!this.stopped) this.schedule(this.current === undefined ? FIRST_CHECK_MS : CHECK_MS);
      });
    }, ms).unref();
  }

  private async readFromPool(): Promise<void> {
    if (!this.dataSource.isInitialized) return;
    this.watchConnections();
    await this.read((text) => this.transactions.runStatement(text, []));
  }

  private watchConnections(): void {
    if (this.isWatched) return;
    this.isWatched = true;
    poolOf(this.dataSource)?.on('connect', (client) => {
      this.unidentified += 1;
      const run: Run = async (text) => (await client.query<{ identity: string }>(text)).rows;
      void this.read(run).finally(() => (this.unidentified -= 1));
    });
  }

  /** Reads the id with the best query that the server allows. Keeps the last id if the server is not available. */
  private async read(run: Run): Promise<void> {
    for (let number = this.query; number < QUERIES.length; number++) {
      try {
        const [row] = await run(QUERIES[number] ?? '');
        this.query = number;
        this.replace(row && hash('sha256', row.identity).slice(0, 32));
        return;
      } catch (error) {
        if (error instanceof DomainError || classify(error) !== 'bug') return;
        this.logger.debug(`Reading fewer properties of the database. ${messageOf(error)}`);
      }
    }
    this.replace(undefined);
  }

  private replace(id: string | undefined): void {
    if (id === this.current) return;
    if (id === undefined)
      this.logger.warn('The table deployment is missing or empty: Redis is not used.');
    else if (this.current !== undefined)
      this.logger.log('The database was replaced: its former entries in Redis are not used.');
    this.current = id;
  }
}

/** The timeline is part of the names of WAL files. A standby writes none. */
const TIMELINE = `CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END`;
const STARTED = `extract(epoch FROM pg_postmaster_start_time())`;
const CLUSTER = `(SELECT system_identifier FROM pg_control_system())`;

/** The best query first. A managed server can refuse functions of the others. */
const QUERIES = [[STARTED, CLUSTER, TIMELINE], [STARTED, CLUSTER], [STARTED], []].map(
  (parts) => `
  SELECT concat_ws(' ', ${['d.deployment_id', 'b.oid', ...parts].join(', ')}) AS identity
    FROM deployment d, pg_database b
   WHERE b.datname = current_database()`,
);
