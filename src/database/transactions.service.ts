import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Connection, type Work } from './connection.js';
import { type Deferred, PreparedStatementNames, ReadBatcher } from './pipeline.js';
import { loadForUpdate, type RowLoader, type Versioned } from './row-loader.js';
import { translate, classify } from './postgres-errors.js';
import { ServiceHeartbeatService } from './service-heartbeat.service.js';
import { SharedTransaction } from './shared-transaction.js';
import { queueSql, sql, sqlInBatch } from './sql.js';
import { WriteFailuresService } from './write-failures.service.js';

/** The work of a shared transaction, and what runs before and after it. */
export interface SharedWork<T, R> {
  /** Runs first in the transaction, before all statements of the work. `attempt` counts from 1. */
  onBegin: (manager: EntityManager, attempt: number) => Promise<void>;
  work: () => Promise<T>;
  /** Runs last in the transaction. Converts the value of the work into the result. */
  beforeCommit: (manager: EntityManager, value: T) => Promise<R>;
}

const ATTEMPTS = 3;
const JITTER_MS = 20;

/**
 * Runs every statement of the application: in a transaction, as a read, or in a batch of reads.
 *
 * A transaction commits when its work resolves and rolls back when it rejects. After a deadlock, a serialization failure
 * or a conflict the work runs again, three times at most. Outages become `database.unavailable`.
 */
@Injectable()
export class TransactionsService {
  private readonly shared = new AsyncLocalStorage<SharedTransaction | undefined>();
  private readonly readBatcher = new ReadBatcher((work) => this.use(work), sqlInBatch);

  constructor(
    private readonly dataSource: DataSource,
    private readonly names: PreparedStatementNames = new PreparedStatementNames(),
    private readonly heartbeat?: ServiceHeartbeatService,
    private readonly failures?: WriteFailuresService,
  ) {}

  /**
   * Runs `work` in a transaction, or joins the enclosing shared transaction. If the work returns a deferred result, its
   * statement is sent in one batch with COMMIT.
   */
  run<T>(work: Work<T | Deferred<T>>): Promise<T> {
    const shared = this.shared.getStore();
    return shared ? shared.join(work) : this.withRetries(() => this.transact(work));
  }

  /**
   * Runs `work` in a transaction with optimistic concurrency control. The first attempt loads the rows before the
   * transaction, without a lock and in a batch with reads of other requests. A retry loads them with a lock. So the first
   * change of the work must be an UPDATE of the loaded version that fails as a conflict if the row has changed since. Inside a shared
   * transaction the work cannot be retried by itself, so it loads the rows with a lock at once.
   */
  runOptimistic<Found extends Versioned | undefined, T>(
    load: RowLoader<Found>,
    work: (manager: EntityManager, found: Found) => Promise<T | Deferred<T>>,
  ): Promise<T> {
    const onLocked: Work<T | Deferred<T>> = async (manager) =>
      work(manager, await loadForUpdate(manager, load));
    const shared = this.shared.getStore();
    if (shared) return shared.join(onLocked);
    return this.withRetries(async (number) => {
      if (number > 1) return this.transact(onLocked);
      const seen = await load((text, parameters) => this.readBatcher.query(text, parameters), {
        forUpdate: false,
      });
      return this.transact((manager) => work(manager, seen));
    });
  }

  /** Runs `work` in a new transaction, independent of an enclosing shared transaction. */
  runInNewTransaction<T>(work: Work<T | Deferred<T>>): Promise<T> {
    return this.shared.run(undefined, () => this.run(work));
  }

  /** Runs one statement that commits by itself, in one round trip, independent of an enclosing shared transaction. */
  runStatement<Row>(text: string, parameters: readonly unknown[]): Promise<Row[]> {
    return this.withRetries(() => this.use((manager) => sql<Row>(manager, text, parameters)));
  }

  /** Whether the caller is inside an open shared transaction, whose changes only its own connection sees. */
  get isInTransaction(): boolean {
    return this.shared.getStore()?.isOpen === true;
  }

  /** Runs read-only statements without a transaction. Inside an open shared transaction, runs them on its connection. */
  read<T>(work: Work<T>): Promise<T> {
    const shared = this.shared.getStore();
    if (shared?.isOpen) return shared.join(work);
    return this.withRetries(() => this.use(work));
  }

  /** Runs read-only statements that all read the database as it is at one moment. */
  readSnapshot<T>(work: Work<T>): Promise<T> {
    return this.withRetries(() =>
      this.transact((manager) => {
        queueSql(manager, 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
        return work(manager);
      }),
    );
  }

  /**
   * Runs one short read, such as a lookup by id, in a batch with reads of other requests, so that they share one round
   * trip. Inside an open shared transaction, runs it on the connection of that transaction.
   */
  readOne<Row>(text: string, parameters: readonly unknown[]): Promise<Row[]> {
    const shared = this.shared.getStore();
    if (shared?.isOpen) return shared.join((manager) => sql<Row>(manager, text, parameters));
    return this.withRetries(() => this.readBatcher.query<Row>(text, parameters));
  }

  /**
   * Makes every {@link run} inside `work` join one transaction. The first of them begins it; it commits after `beforeCommit`.
   * So a whole request can be atomic without changes to the code inside.
   */
  runShared<T, R>({ onBegin, work, beforeCommit }: SharedWork<T, R>): Promise<R> {
    return this.withRetries(async (attempt) => {
      const shared = new SharedTransaction(
        () => this.connect(),
        (manager) => onBegin(manager, attempt),
      );
      try {
        const value = await this.shared.run(shared, work);
        const result = await shared.join((manager) => beforeCommit(manager, value));
        await shared.commit();
        return result;
      } catch (error) {
        await shared.rollback(error);
        throw error;
      }
    });
  }

  /** Resolves if PostgreSQL responds. Does not wait for a heartbeat, whose absence is not a fault of PostgreSQL. */
  async ping(): Promise<void> {
    await this.withRetries(() =>
      Connection.use(this.dataSource, this.names, ({ manager }) => sql(manager, 'SELECT 1')),
    );
  }

  /** Acquires the connection of a shared transaction. */
  protected async connect(): Promise<Connection> {
    if (this.heartbeat?.isStale) await this.heartbeat.noticeOutage();
    return Connection.acquire(this.dataSource, this.names);
  }

  private async use<T>(work: Work<T>): Promise<T> {
    if (this.heartbeat?.isStale) await this.heartbeat.noticeOutage();
    return Connection.use(this.dataSource, this.names, ({ manager }) => work(manager));
  }

  private async transact<T>(work: Work<T | Deferred<T>>): Promise<T> {
    if (this.heartbeat?.isStale) await this.heartbeat.noticeOutage();
    return Connection.transact(this.dataSource, this.names, work);
  }

  private async withRetries<T>(attempt: (number: number) => Promise<T>): Promise<T> {
    for (let number = 1; ; number++) {
      try {
        return await attempt(number);
      } catch (error) {
        this.failures?.record(error);
        if (number === ATTEMPTS || classify(error) !== 'again') throw translate(error);
        await sleep(Math.random() * JITTER_MS * number);
      }
    }
  }
}
