import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { UnavailableError } from '../errors/domain-error.js';
import { drainCommitHooks, drainRollbackHooks } from './transaction-hooks.js';
import { poolOf, serverOf } from './connection-pool.js';
import {
  attachPipeline,
  Deferred,
  Pipeline,
  PreparedStatementNames,
  SkippedStatementError,
  valueOfDeferred,
} from './pipeline.js';
import { PostgresClient } from './postgres-client.js';
import { classify, isConnectionLost, isReadTimeout } from './postgres-errors.js';
import { TransactionSpan } from './transaction-span.js';

/** A function that runs statements on one connection. */
export type Work<T> = (manager: EntityManager) => T | Promise<T>;

/** How long a request waits for a connection, in milliseconds; longer if opening a connection takes longer. */
const CHECKOUT_MS = 1_000;
const NOT_PREPARED = new PreparedStatementNames(false);

/** One connection of the pool, and the transaction that is open on it, if any. */
export class Connection {
  private readonly pipeline: Pipeline;
  private rollbackHooks: readonly (() => Promise<unknown>)[] = [];
  private isUnanswered = false;
  private span?: TransactionSpan;

  private constructor(
    private readonly runner: QueryRunner,
    private readonly client: PostgresClient,
    names: PreparedStatementNames,
  ) {
    const { canPrepare, transactionPins } = client;
    this.pipeline = new Pipeline(client, canPrepare ? names : NOT_PREPARED, transactionPins);
    attachPipeline(runner.manager, this.pipeline);
  }

  static async acquire(dataSource: DataSource, names: PreparedStatementNames): Promise<Connection> {
    if (!dataSource.isInitialized) {
      throw new UnavailableError(
        'database.unavailable',
        'The database cannot be reached yet; retry the request.',
      );
    }
    const runner = dataSource.createQueryRunner();
    const pool = poolOf(dataSource);
    const isFree = pool !== undefined && pool.idleCount > pool.waitingCount;
    const connecting = runner.connect() as Promise<unknown>;
    const limit = Math.max(CHECKOUT_MS, 2 * serverOf(dataSource).latestOpeningMs);
    const client = await (isFree ? connecting : inTime(runner, connecting, limit));
    if (!(client instanceof PostgresClient)) throw new Error('the pool opens other connections');
    return new Connection(runner, client, names);
  }

  /** Acquires a connection for `work` and releases it. Closes it instead if an error shows that it is broken. */
  static async use<T>(
    dataSource: DataSource,
    names: PreparedStatementNames,
    work: (connection: Connection) => T | Promise<T>,
  ): Promise<T> {
    const connection = await Connection.acquire(dataSource, names);
    try {
      return await work(connection);
    } catch (error) {
      connection.closeIfBroken(error);
      throw error;
    } finally {
      await connection.release();
    }
  }

  /**
   * Runs `work` in a transaction on a connection of its own. If the work returns a deferred result, its statement is sent
   * in one batch with COMMIT.
   */
  static transact<T>(
    dataSource: DataSource,
    names: PreparedStatementNames,
    work: Work<T | Deferred<T>>,
  ): Promise<T> {
    return Connection.use(dataSource, names, async (connection) => {
      connection.begin();
      let result: T | Deferred<T>;
      try {
        result = await work(connection.manager);
      } catch (error) {
        await connection.rollback(error);
        throw error;
      }
      await connection.commit();
      return connection.resolve(result);
    });
  }

  get manager(): EntityManager {
    return this.runner.manager;
  }

  /** Begins a transaction. BEGIN is sent in one batch with the first statement. */
  begin(): void {
    this.span = TransactionSpan.start();
    this.pipeline.begin();
  }

  /**
   * Commits, in one batch with the statements that are still queued. Checks the command tag: if a statement of the
   * transaction failed, PostgreSQL responds to COMMIT with the tag ROLLBACK and without an error.
   */
  async commit(): Promise<void> {
    let tag: string;
    try {
      tag = (await this.pipeline.send('COMMIT')).tag;
    } catch (error) {
      if (error instanceof SkippedStatementError) {
        await this.rollback(error.cause);
        throw error.cause;
      }
      if (classify(error) !== 'unavailable') throw error;
      this.abandon(error);
      throw new UnavailableError(
        'database.commit_unknown',
        'The database did not confirm the commit; retry the same request to get its outcome.',
        error,
      );
    }
    if (tag !== 'COMMIT') {
      throw new UnavailableError(
        'database.unavailable',
        'The database rolled the request back; retry the request.',
      );
    }
    this.span?.end('commit', this.pipeline.statementCount);
    for (const work of drainCommitHooks(this.manager)) work();
  }

  /** Rolls the transaction back. If `reason` shows that the connection is lost, closes it and does not wait. */
  async rollback(reason: unknown): Promise<void> {
    this.closeIfBroken(reason);
    this.rollbackHooks = drainRollbackHooks(this.manager);
    this.pipeline.clear();
    if (!this.pipeline.isUsed || this.isUnanswered) return;
    try {
      await this.pipeline.send('ROLLBACK');
    } catch (error) {
      this.abandon(error);
    }
  }

  /** Resolves the result of the work. Flushes the pipeline if the statement of a deferred result is still queued. */
  resolve<T>(result: T | Deferred<T>): T | Promise<T> {
    if (!(result instanceof Deferred)) return result;
    this.pipeline.flush();
    return valueOfDeferred(result);
  }

  /** Releases the connection, then runs the rollback hooks of a transaction that was rolled back. */
  async release(): Promise<void> {
    this.span?.end('rollback', this.pipeline.statementCount);
    if (this.isUnanswered) void this.releaseWhenDone();
    else await this.runner.release();
    for (const work of this.rollbackHooks) await work().catch(() => undefined);
  }

  private closeIfBroken(error: unknown): void {
    if (isConnectionLost(error)) this.abandon(error);
  }

  /**
   * Closes the connection, which the pool removes on release. If the server did not answer in time, the connection stays
   * open until the server is done.
   */
  private abandon(error: unknown): void {
    if (isReadTimeout(error)) this.isUnanswered = true;
    else this.close();
  }

  private close(): void {
    this.client.end().catch(() => undefined);
  }

  private async releaseWhenDone(): Promise<void> {
    await this.client.server.unanswered.whenDone(this.client);
    this.close();
    await this.runner.release().catch(() => undefined);
  }
}

/**
 * Waits for the connection of a query runner. Rejects after `limit` milliseconds; a connection that is ready later goes to
 * the pool. So a new connection that takes longer, on a busy machine, still serves later requests.
 */
async function inTime(
  runner: QueryRunner,
  connecting: Promise<unknown>,
  limit: number,
): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      connecting.then(() => runner.release()).catch(() => undefined);
      reject(new Error('timeout exceeded when trying to connect'));
    }, limit);
  });
  try {
    return await Promise.race([connecting, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
