import type { Client } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { UnavailableError } from '../errors/domain-error.js';
import { takeAfterCommit, takeAfterRollback } from './after-transaction.js';
import { Coming } from './coming.js';
import { pave, Pipeline } from './pipeline.js';
import { losesConnection, verdictOf } from './postgres-errors.js';
import { NotReached } from './statement-batch.js';
import type { StatementNames } from './statement-names.js';

/** A piece of work on one connection. */
export type Work<T> = (manager: EntityManager) => T | Promise<T>;

/** One connection out of the pool, with the transaction that may be open on it. */
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
        'The database cannot be reached yet; send the request again.',
      );
    }
    const runner = dataSource.createQueryRunner();
    return new Connection(runner, (await runner.connect()) as Client, names);
  }

  /** Takes a connection for `work` and gives it back, or ends it when an error says that it can no longer be trusted. */
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

  /** Begins a transaction, along with its first statement. */
  begin(): void {
    this.pipeline.sendAlong('BEGIN');
  }

  /**
   * Commits, along with the statements that are still to be sent, and believes only the command tag: the server
   * answers ROLLBACK, without an error, to the COMMIT of a transaction in which a statement had failed.
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
        'The database did not confirm the commit; send the same request again to learn its outcome.',
        error,
      );
    }
    if (tag !== 'COMMIT') {
      throw new UnavailableError(
        'database.unavailable',
        'The database rolled the request back; send it again.',
      );
    }
    for (const work of takeAfterCommit(this.manager)) work();
  }

  /** Undoes what the transaction did; a connection that `reason` says is lost is ended instead, without waiting for it. */
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

  /** What the work on this connection made; what is still to come is sent for, where COMMIT is not to bring it. */
  resultOf<T>(made: T | Coming<T>): T | Promise<T> {
    if (!(made instanceof Coming)) return made;
    this.pipeline.takeOff();
    return made.value;
  }

  /** Gives the connection back; what waits for the end of a transaction that was undone happens then. */
  async release(): Promise<void> {
    await this.runner.release();
    for (const work of this.undone) await work().catch(() => undefined);
  }

  private distrust(error: unknown): void {
    if (losesConnection(error)) this.end();
  }

  /** Closes the connection; the pool drops a closed one when it is released. */
  private end(): void {
    this.client.end().catch(() => undefined);
  }
}
