import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Ground, System } from './systems.js';
import { cpuOfFamily, usageOf } from './usage.js';

/** Settings of PostgreSQL that the meter needs. Autovacuum would run at times that differ between runs. */
export const METERED = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'top',
  autovacuum: 'off',
  // No checkpoint but those of the meter.
  checkpoint_timeout: '1d',
  max_wal_size: '32GB',
};

/** Amounts that grow with work. */
export interface Cost {
  /** WAL records without the images of pages, in bytes. */
  walBytes: number;
  /** Images of pages that were not changed since the last checkpoint, in bytes. */
  imageBytes: number;
  statements: number;
  transactions: number;
  nodeMs: number;
  postgresMs: number;
}

/** Rows and bytes of a table since the meter started. */
export interface TableCost {
  table: string;
  inserted: number;
  updated: number;
  /** Updates that changed no index. */
  hot: number;
  deleted: number;
  dead: number;
  heapBytes: number;
  indexBytes: number;
}

type Counters = Omit<Cost, 'walBytes' | 'imageBytes'> & { lsn: string };

/** Statistics of a connection that is idle reach the shared counters after 10 seconds. */
const STATISTICS_DELAY_MS = 11_000;

/** Seldom, because each read counts the events. */
const QUIET_INTERVAL_MS = 500;
const MAX_QUIET_READS = 400;

/** Reads what work costs one system: its process, its database, and the Redis that it uses. */
export class Meter {
  private constructor(
    private readonly ground: Ground,
    private readonly system: System,
    /** A connection to another database, so that the statements of the meter are not counted. */
    private readonly outside: pg.Client,
    private readonly inside: pg.Client,
    private readonly redis: Redis,
    private readonly database: string,
  ) {}

  static async attach(ground: Ground, system: System): Promise<Meter> {
    const outside = new pg.Client({ connectionString: ground.postgres.url });
    const inside = new pg.Client({ connectionString: system.database });
    await Promise.all([outside.connect(), inside.connect()]);
    await outside.query(
      'CREATE EXTENSION IF NOT EXISTS pg_stat_statements; CREATE EXTENSION IF NOT EXISTS pg_walinspect',
    );
    const database = new URL(system.database).pathname.slice(1);
    return new Meter(ground, system, outside, inside, new Redis(ground.redis.url), database);
  }

  async detach(): Promise<void> {
    this.redis.disconnect();
    await Promise.all([this.outside.end(), this.inside.end()]);
  }

  /** Runs work, waits until its events are numbered and sealed, and returns the cost of all that. */
  measure(work: () => Promise<unknown>): Promise<Cost & { seconds: number }> {
    return this.measureUnsealed(async () => {
      await work();
      await this.quiet();
    });
  }

  /** Runs work, and returns its cost. */
  async measureUnsealed(work: () => Promise<unknown>): Promise<Cost & { seconds: number }> {
    const before = await this.counters();
    const start = performance.now();
    await work();
    const seconds = (performance.now() - start) / 1000;
    const after = await this.counters();
    return {
      ...(await this.walBetween(before.lsn, after.lsn)),
      statements: after.statements - before.statements,
      transactions: after.transactions - before.transactions,
      nodeMs: after.nodeMs - before.nodeMs,
      postgresMs: after.postgresMs - before.postgresMs,
      seconds,
    };
  }

  async checkpoint(): Promise<void> {
    await this.outside.query('CHECKPOINT');
  }

  /** Returns the bytes of WAL of a VACUUM of all tables. */
  async vacuum(): Promise<number> {
    const { lsn } = await this.counters();
    await this.inside.query('VACUUM');
    const { walBytes } = await this.walBetween(lsn, (await this.counters()).lsn);
    return walBytes;
  }

  /** Returns the counters of the tables. Takes seconds. */
  async tables(): Promise<TableCost[]> {
    await sleep(STATISTICS_DELAY_MS);
    const { rows } = await this.inside.query<TableCost>(TABLES);
    return rows;
  }

  /** Returns the number of keys in Redis, and the memory that Redis uses for data, in bytes. */
  async redisUse(): Promise<{ keys: number; bytes: number }> {
    const [keys, memory] = await Promise.all([this.redis.dbsize(), this.redis.info('memory')]);
    return { keys, bytes: Number(/^used_memory_dataset:(\d+)/m.exec(memory)?.[1]) };
  }

  private async counters(): Promise<Counters> {
    // Its commit flushes all WAL before it.
    await this.outside.query(`SELECT pg_logical_emit_message(true, 'cost meter', '')`);
    const { rows } = await this.outside.query<Omit<Counters, 'nodeMs' | 'postgresMs'>>(COUNTERS, [
      this.database,
    ]);
    const [counters] = rows;
    if (!counters) throw new Error('PostgreSQL returned no counters');
    return {
      ...counters,
      nodeMs: usageOf(this.system.pid).cpuMs,
      postgresMs: cpuOfFamily(this.ground.postgres.pid),
    };
  }

  private async walBetween(
    from: string,
    to: string,
  ): Promise<Pick<Cost, 'walBytes' | 'imageBytes'>> {
    const { rows } = await this.outside.query<Pick<Cost, 'walBytes' | 'imageBytes'>>(WAL, [
      from,
      to,
    ]);
    return rows[0] ?? { walBytes: 0, imageBytes: 0 };
  }

  private async quiet(): Promise<void> {
    for (let read = 0; read < MAX_QUIET_READS; read += 1) {
      const { rows } = await this.inside.query<{ is_quiet: boolean }>(QUIET);
      if (rows[0]?.is_quiet === true) return;
      await sleep(QUIET_INTERVAL_MS);
    }
    throw new Error('The events were not numbered and sealed in time');
  }
}

const COUNTERS = `
  SELECT pg_current_wal_flush_lsn()::text AS lsn,
         coalesce(sum(calls) FILTER (WHERE query !~* '^\\s*(BEGIN|START|COMMIT|ROLLBACK)' AND query !~ 'cost meter'), 0)::float8
           AS statements,
         coalesce(sum(calls) FILTER (WHERE query ~* '^\\s*COMMIT'), 0)::float8 AS transactions
    FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid AND d.datname = $1`;

const WAL = `
  SELECT coalesce(sum(record_size), 0)::float8 AS "walBytes", coalesce(sum(fpi_size), 0)::float8 AS "imageBytes"
    FROM pg_get_wal_stats($1::pg_lsn, $2::pg_lsn)`;

const QUIET = `
  SELECT /* cost meter */ h.last_position = (SELECT count(*) FROM audit_events)
         AND h.last_position = (SELECT l.first_position + l.size - 1 FROM audit_log l ORDER BY l.log DESC LIMIT 1)
         AS is_quiet
    FROM event_log_head h`;

const TABLES = `
  SELECT relname AS table, n_tup_ins::float8 AS inserted, n_tup_upd::float8 AS updated, n_tup_hot_upd::float8 AS hot,
         n_tup_del::float8 AS deleted, n_dead_tup::float8 AS dead,
         pg_table_size(relid)::float8 AS "heapBytes", pg_indexes_size(relid)::float8 AS "indexBytes"
    FROM pg_stat_user_tables ORDER BY relname`;
