import type { Client } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { UnavailableError } from '../errors/domain-error.js';
import { takeAfterCommit, takeAfterRollback } from './after-transaction.js';
import { Coming } from './coming.js';
import { pave, Pipeline } from './pipeline.js';
import { losesConnection, verdictOf } from './postgres-errors.js';
import { NotReached } from './statement-batch.js';
import type { StatementNames } from './statement-names.js';

/** A function that runs statements on one connection. */
export type Work<T> = (manager: EntityManager) => T | Promise<T>;

/** One connection of the pool, and the transaction that is open on it, if any. */
export class Connection {
  private readonly pipeline: Pipeline;
  private undone: readonly (() => Promise<unknown>)[] = [];

  private constructor(
    private readonly runner: QueryRunner,
    private readonly client: Client,
    names: StatementNames,
  ) {
    this.pipeline = new Pipeline(client, names);
    pave(runner.manager, this.pipeline);
  }

  static async take(dataSource: DataSource, names: StatementNames): Promise<Connection> {
    if (!dataSource.isInitialized) {
      throw new UnavailableError(
        'database.unavailable',
        'The database cannot be reached yet; retry the request.',
      );
    }
    const runner = dataSource.createQueryRunner();
    return new Connection(runner, (await runner.connect()) as Client, names);
  }

  /** Acquires a connection for `work` and releases it. Closes it instead if an error shows that it is broken. */
  static async use<T>(
    dataSource: DataSource,
    names: StatementNames,
    work: (connection: Connection) => T | Promise<T>,
  ): Promise<T> {
    const connection = await Connection.take(dataSource, names);
    try {
      return await work(connection);
    } catch (error) {
      connection.distrust(error);
      throw error;
    } finally {
      await connection.release();
    }
  }

  get manager(): EntityManager {
    return this.runner.manager;
  }

  /** Begins a transaction. BEGIN is sent in one batch with the first statement. */
  begin(): void {
    this.pipeline.sendAlong('BEGIN');
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
      if (error instanceof NotReached) {
        await this.rollback(error.cause);
        throw error.cause;
      }
      if (verdictOf(error) !== 'unavailable') throw error;
      this.end();
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
    for (const work of takeAfterCommit(this.manager)) work();
  }

  /** Rolls the transaction back. If `reason` shows that the connection is lost, closes it and does not wait. */
  async rollback(reason: unknown): Promise<void> {
    this.distrust(reason);
    this.undone = takeAfterRollback(this.manager);
    this.pipeline.clear();
    if (!this.pipeline.isUsed) return;
    try {
      await this.pipeline.send('ROLLBACK');
    } catch {
      this.end();
    }
  }

  /** Resolves the result of the work. Flushes the pipeline if the statement of a deferred result is still queued. */
  resultOf<T>(result: T | Coming<T>): T | Promise<T> {
    if (!(result instanceof Coming)) return result;
    this.pipeline.takeOff();
    return result.value;
  }

  /** Releases the connection, then runs the rollback hooks of a transaction that was rolled back. */
  async release(): Promise<void> {
    await this.runner.release();
    for (const work of this.undone) await work().catch(() => undefined);
  }

  private distrust(error: unknown): void {
    if (losesConnection(error)) this.end();
  }

  /** Closes the connection. The pool removes a closed connection on release. */
  private end(): void {
    this.client.end().catch(() => undefined);
  }
}
