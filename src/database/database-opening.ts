import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { explain } from '../errors/explain.js';
import { lacksMigrations, migrate } from './migrate.js';
import { verdictOf } from './postgres-errors.js';

/** How long the process waits for the database before it listens without it, in milliseconds. */
const PATIENCE_MS = 2_000;

/** The pause between two attempts, in milliseconds. */
const RETRY_MS = 1_000;

/** How long an attempt may go on once the process is stopping, in milliseconds. */
const LAST_ATTEMPT_MS = 1_000;

/** The database cannot be used; the message says what to do about it. */
class DatabaseNotReadyError extends Error {}

/**
 * Opens the pool once the database is there and has the schema of this version, however long that takes: an outage
 * does not end the process. What waiting cannot mend, such as a missing migration, is refused.
 */
@Injectable()
export class DatabaseOpening implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DatabaseOpening.name);
  private readonly stopping = new AbortController();
  private opening: Promise<void> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    /** Of the database without a pooler in between: the lock of migrations belongs to a session. */
    private readonly directUrl: string,
    private readonly migrates: boolean,
  ) {}

  /** Resolves when the database is open, or the process is stopping; rejects when it will never be open. */
  get opened(): Promise<void> {
    return this.opening;
  }

  async onApplicationBootstrap(): Promise<void> {
    this.opening = this.open();
    await Promise.race([this.opening, sleep(PATIENCE_MS, undefined, { ref: false })]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    const attempt = this.opening.catch(() => undefined);
    await Promise.race([attempt, sleep(LAST_ATTEMPT_MS, undefined, { ref: false })]);
  }

  private async open(): Promise<void> {
    const { signal } = this.stopping;
    for (let waited = false; !signal.aborted; waited = true) {
      try {
        await this.attempt();
        if (waited) this.logger.log('The database is open.');
        return;
      } catch (error) {
        if (verdictOf(error) === 'bug') throw error;
        this.logger.warn(`Waiting for the database. ${explain(error)}`);
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async attempt(): Promise<void> {
    if (this.migrates) await migrate(this.directUrl);
    else if (await lacksMigrations(this.directUrl)) {
      throw new DatabaseNotReadyError(
        'The database lacks migrations: run `npm run migration:run`, or set MIGRATE_ON_START=true.',
      );
    }
    await this.dataSource.initialize();
  }
}
