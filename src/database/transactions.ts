import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Coming } from './coming.js';
import { Connection, type Work } from './connection.js';
import { Glances } from './glances.js';
import { lock, type Look } from './look.js';
import { translate, verdictOf } from './postgres-errors.js';
import { SharedTransaction } from './shared-transaction.js';
import { sql } from './sql.js';
import { StatementNames } from './statement-names.js';

/** What {@link Transactions.share} adds around the work. */
export interface Shared<T, R> {
  /** Runs first in the transaction, before any statement of the work. */
  begun: Work<void>;
  work: () => Promise<T>;
  /** Turns the work's value into the result, as the last thing in the transaction. */
  finish: (manager: EntityManager, value: T) => Promise<R>;
}

const ATTEMPTS = 3;
const JITTER_MS = 20;

/**
 * The only door to the database: every statement runs inside `run` (a transaction) or `read`, or is a `glance`.
 *
 * A transaction is committed when its work resolves and rolled back when it rejects. A deadlock or a
 * serialization failure runs the work again, at most three times in all. Outages become `database.unavailable`.
 */
@Injectable()
export class Transactions {
  private readonly shared = new AsyncLocalStorage<SharedTransaction | undefined>();
  private readonly glances = new Glances((work) => this.use(work));

  constructor(
    private readonly dataSource: DataSource,
    private readonly names: StatementNames = new StatementNames(),
  ) {}

  /**
   * Runs `work` in a transaction, or joins the one that {@link share} has around it. What the work gives back as
   * {@link Coming} travels with COMMIT.
   */
  run<T>(work: Work<T | Coming<T>>): Promise<T> {
    const shared = this.shared.getStore();
    return shared ? shared.join(work) : again(() => this.transact(work));
  }

  /**
   * Runs `work` in a transaction on what it is about: first as a {@link glance} sees it, which locks nothing and is no
   * round trip of the transaction's; where that proves out of date, again on what is locked. So what the work does must
   * begin with a change that loses the race where things are no longer as they were seen. The part of a shared
   * transaction, which cannot run again by itself, locks at once.
   */
  runOn<Found, T>(
    look: Look<Found>,
    work: (manager: EntityManager, found: Found) => Promise<T | Coming<T>>,
  ): Promise<T> {
    const onLocked: Work<T | Coming<T>> = async (manager) =>
      work(manager, await lock(manager, look));
    const shared = this.shared.getStore();
    if (shared) return shared.join(onLocked);
    return again(async (made) => {
      if (made > 1) return this.transact(onLocked);
      const seen = await look((text, parameters) => this.glances.ask(text, parameters), 'seen');
      return this.transact((manager) => work(manager, seen));
    });
  }

  /** Runs `work` in a transaction of its own, whatever is around it. */
  runAlone<T>(work: Work<T>): Promise<T> {
    return this.shared.run(undefined, () => this.run(work));
  }

  /** Runs statements that only read, without a transaction; inside an open shared transaction, on its connection. */
  read<T>(work: Work<T>): Promise<T> {
    const shared = this.shared.getStore();
    if (shared?.isOpen) return shared.join(work);
    return again(() => this.use(work));
  }

  /**
   * Runs one statement that reads next to nothing, such as a look-up by id: together with those of other requests, so
   * that it costs a part of a round trip. Inside an open shared transaction, on its connection.
   */
  glance<Row>(text: string, parameters: readonly unknown[]): Promise<Row[]> {
    const shared = this.shared.getStore();
    if (shared?.isOpen) return shared.join((manager) => sql<Row>(manager, text, parameters));
    return again(() => this.glances.ask<Row>(text, parameters));
  }

  /**
   * Makes every `run` inside `work` take part in one transaction, begun by the first of them and committed
   * after `finish`. So a guarantee can be put around a whole request without the code inside knowing of it.
   */
  share<T, R>({ begun, work, finish }: Shared<T, R>): Promise<R> {
    return again(async () => {
      const shared = new SharedTransaction(() => this.connect(), begun);
      try {
        const value = await this.shared.run(shared, work);
        const result = await shared.join((manager) => finish(manager, value));
        await shared.commit();
        return result;
      } catch (error) {
        await shared.rollback(error);
        throw error;
      }
    });
  }

  /** Takes the connection that a shared transaction works on. */
  protected connect(): Promise<Connection> {
    return Connection.take(this.dataSource, this.names);
  }

  private use<T>(work: Work<T>): Promise<T> {
    return Connection.use(this.dataSource, this.names, ({ manager }) => work(manager));
  }

  private async transact<T>(work: Work<T | Coming<T>>): Promise<T> {
    return Connection.use(this.dataSource, this.names, async (connection) => {
      connection.begin();
      let result: T | Coming<T>;
      try {
        result = await work(connection.manager);
      } catch (error) {
        await connection.rollback(error);
        throw error;
      }
      await connection.commit();
      return connection.resultOf(result);
    });
  }
}

async function again<T>(attempt: (made: number) => Promise<T>): Promise<T> {
  for (let made = 1; ; made++) {
    try {
      return await attempt(made);
    } catch (error) {
      if (made === ATTEMPTS || verdictOf(error) !== 'again') throw translate(error);
      await sleep(Math.random() * JITTER_MS * made);
    }
  }
}
