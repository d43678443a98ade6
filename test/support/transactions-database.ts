import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { DataSource, type EntityManager } from 'typeorm';
import { databaseOptions } from '../../src/database/database-options.js';
import { sql } from '../../src/database/sql.js';
import type { PreparedStatementNames } from '../../src/database/pipeline.js';
import { TransactionsService } from '../../src/database/transactions.service.js';
import { withClient } from './catalog.js';
import { createTestDatabase, dropTestDatabase } from './postgres.js';

interface Options {
  poolSize?: number;
  /** Limits that differ from those of the application, in milliseconds. */
  limits?: Partial<ReturnType<typeof databaseOptions>['extra']>;
  /** The URL of a proxy in front of the database. */
  through?: string;
  names?: PreparedStatementNames;
}

/** A database with the tables `notes` and `accounts`, and transactions on it as the application has them. */
export class TransactionsDatabase {
  url = '';
  private readonly dataSources: DataSource[] = [];

  async open({
    poolSize = 10,
    limits = {},
    through,
    names,
  }: Options = {}): Promise<TransactionsService> {
    const options = databaseOptions(through ?? this.url, poolSize);
    const dataSource = await new DataSource({
      ...options,
      extra: { ...options.extra, ...limits },
    }).initialize();
    this.dataSources.push(dataSource);
    return new TransactionsService(dataSource, names);
  }

  /** The committed notes, as another connection reads them. */
  notes(): Promise<string[]> {
    return withClient(this.url, async (client) => {
      const { rows } = await client.query<{ text: string }>('SELECT text FROM notes ORDER BY id');
      return rows.map(({ text }) => text);
    });
  }

  /** The committed amounts of the accounts 1 and 2; both begin with 100. */
  amounts(): Promise<number[]> {
    return withClient(this.url, async (client) => {
      const { rows } = await client.query<{ amount: number }>(
        'SELECT amount FROM accounts ORDER BY id',
      );
      return rows.map(({ amount }) => amount);
    });
  }

  /** Ends a connection to the server. */
  async terminate(pid: number | undefined): Promise<void> {
    await this.execute(`SELECT pg_terminate_backend(${pid ?? 0}, 5000)`);
  }

  async execute(text: string): Promise<void> {
    await withClient(this.url, (client) => client.query(text));
  }

  async closeConnections(): Promise<void> {
    await Promise.all(this.dataSources.splice(0).map((dataSource) => dataSource.destroy()));
  }
}

/** A database for the tests of a `describe`; each test finds the same rows in it. */
export function useTransactionsDatabase(): TransactionsDatabase {
  const db = new TransactionsDatabase();

  beforeAll(async () => {
    db.url = await createTestDatabase(process.env.TEST_POSTGRES_URL ?? '');
    await db.execute(`
      CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL UNIQUE);
      CREATE TABLE accounts (id integer PRIMARY KEY, amount integer NOT NULL)`);
  });

  beforeEach(async () => {
    await db.execute(`
      TRUNCATE notes, accounts;
      INSERT INTO accounts VALUES (1, 100), (2, 100)`);
  });

  afterEach(() => db.closeConnections());

  afterAll(() => dropTestDatabase(db.url));

  return db;
}

export const INSERT_NOTE = 'INSERT INTO notes (text) VALUES ($1) RETURNING text';

export function insertNote(manager: EntityManager, text: string): Promise<unknown> {
  return sql(manager, 'INSERT INTO notes (text) VALUES ($1)', [text]);
}

/** The process id of the server behind the connection of a transaction. */
export async function connectionOf(manager: EntityManager): Promise<number | undefined> {
  return (await sql<{ pid: number }>(manager, 'SELECT pg_backend_pid() AS pid'))[0]?.pid;
}

export function withCode(code: string): unknown {
  return expect.objectContaining({ code });
}

export const UNAVAILABLE = withCode('database.unavailable');

/** Resolves for all callers once `count` of them have called. */
export function barrier(count: number): () => Promise<void> {
  let missing = count;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return () => {
    if (--missing <= 0) open();
    return opened;
  };
}
