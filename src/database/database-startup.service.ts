import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { explainError } from '../errors/error-text.js';
import type { ConnectionSettings } from './database-options.js';
import { lacksMigrations, migrate } from './migrate.js';
import type { DatabaseAddress } from './postgres-client.js';
import { classify } from './postgres-errors.js';
import { RepeatedMessage } from './repeated-message.js';

/** Milliseconds that the process waits for the database before it listens without it. */
const STARTUP_WAIT_MS = 2_000;

/** Milliseconds between two attempts. */
const RETRY_MS = 1_000;

/** Milliseconds that a running attempt may continue after the process starts to stop. */
const LAST_ATTEMPT_MS = 1_000;

/** The database cannot be used. The message contains the fix. */
class DatabaseNotReadyError extends Error {}

/**
 * Opens the pool as soon as the database is reachable and has the schema of this version. Retries without a limit, so
 * an outage does not end the process. Fails at once if a retry cannot help, for example if a migration is missing.
 */
@Injectable()
export class DatabaseStartupService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DatabaseStartupService.name);
  private readonly stopping = new AbortController();
  private connecting: Promise<void> = Promise.resolve();
  private latestFailure: unknown;
  private readonly checks: (() => Promise<void>)[] = [];

  constructor(
    private readonly dataSource: DataSource,
    /** The database without a pooler. */
    private readonly direct: DatabaseAddress,
    private readonly settings: ConnectionSettings,
    private readonly migrates: boolean,
  ) {}

  /** Runs `check` as soon as the database is open. If it rejects, the database cannot be used. */
  addCheck(check: () => Promise<void>): void {
    this.checks.push(check);
  }

  /** The error of the latest attempt to open the database. */
  get failure(): unknown {
    return this.latestFailure;
  }

  /** Resolves when the database is open or the process is stopping. Rejects when a retry cannot open the database. */
  get whenConnected(): Promise<void> {
    return this.connecting;
  }

  async onApplicationBootstrap(): Promise<void> {
    this.connecting = this.connect();
    await Promise.race([this.connecting, sleep(STARTUP_WAIT_MS, undefined, { ref: false })]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    const attempt = this.connecting.catch(() => undefined);
    await Promise.race([attempt, sleep(LAST_ATTEMPT_MS, undefined, { ref: false })]);
  }

  private async connect(): Promise<void> {
    const { signal } = this.stopping;
    const reasons = new RepeatedMessage();
    for (let waited = false; !signal.aborted; waited = true) {
      try {
        await this.attempt();
        if (waited) this.logger.log('The database is open.');
        return;
      } catch (error) {
        this.latestFailure = error;
        if (classify(error) === 'bug') throw error;
        const reason = explainError(error);
        if (reasons.isDue(reason)) this.logger.warn(`Waiting for the database. ${reason}`);
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private async attempt(): Promise<void> {
    if (this.migrates) await migrate(this.direct, this.settings);
    else if (await lacksMigrations(this.direct, this.settings)) {
      throw new DatabaseNotReadyError(
        'The database lacks migrations: run `npm run migration:run`, or set MIGRATE_ON_START=true.',
      );
    }
    if (!this.dataSource.isInitialized) await this.dataSource.initialize();
    await Promise.all(this.checks.map((check) => check()));
  }
}
