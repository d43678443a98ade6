import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Counter } from 'prom-client';
import type { DataSource, EntityManager } from 'typeorm';
import { Environment } from '../../config/environment.js';
import { DomainError, UnavailableError } from '../../errors/domain-error.js';
import { messageOf } from '../../errors/error-text.js';
import { MetricsService } from '../../observability/metrics.service.js';
import { BackgroundLoop } from '../background-loop.js';
import { Connection } from '../connection.js';
import { PreparedStatementNames } from '../pipeline.js';
import { classify, isConnectionLost, translate } from '../postgres-errors.js';
import { RepeatedMessage } from '../repeated-message.js';
import { TransactionsService } from '../transactions.service.js';
import { ReplicaConnections } from './replica-connections.js';
import {
  catchUp,
  getPosition,
  type PrimaryPosition,
  ReplicaRefusalError,
} from './replica-position.js';

/** `ok`: the replica serves lists. Otherwise the primary serves them. */
export const READ_REPLICA_STATES = ['ok', 'lagging', 'unavailable'] as const;
export type ReadReplicaState = (typeof READ_REPLICA_STATES)[number];

/**
 * Reads a list.
 *
 * @param snapshot on a replica, the transactions that the primary showed when the read began: PostgreSQL's text of a
 *   snapshot. The replica shows them and later ones. Undefined on the primary.
 */
export type ListWork<T> = (manager: EntityManager, snapshot?: string) => Promise<T>;

/** The outcome of a read: `served` by the replica, else why the primary serves it. */
const OUTCOMES = ['served', 'lagging', 'unavailable', 'newer', 'failed'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** Milliseconds between two checks of the replica. */
const CHECK_MS = 1_000;

/** Milliseconds that a running check may continue after the process starts to stop. */
const LAST_CHECK_MS = 1_000;

/** The streaming replica of DATABASE_READ_URL, which serves lists while it keeps up with the primary. */
@Injectable()
export class ReadReplicaService
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger(ReadReplicaService.name);
  private readonly loop = new BackgroundLoop({
    round: () => this.check(),
    pollMs: CHECK_MS,
    logger: this.logger,
    failing: 'The read replica cannot be checked.',
  });
  private readonly failures = new RepeatedMessage();
  private readonly reads: Counter<'outcome'>;
  private current: ReadReplicaState = 'unavailable';
  private logged?: ReadReplicaState;

  constructor(
    private readonly connections: ReplicaConnections,
    private readonly names: PreparedStatementNames,
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    this.reads = new Counter({
      name: 'database_replica_reads_total',
      help: 'Lists, with a read replica. Outcome served: by the replica. Others: by the primary, because the replica lagged, was unavailable, showed newer events than the primary, or failed the read (a recovery conflict or a timeout).',
      labelNames: ['outcome'],
      registers: [registry],
    });
    for (const outcome of OUTCOMES) this.reads.inc({ outcome }, 0);
  }

  /** State of the replica; undefined without a replica. */
  get state(): ReadReplicaState | undefined {
    return this.connections.dataSource && this.current;
  }

  onApplicationBootstrap(): void {
    if (!this.connections.dataSource) return;
    this.loop.start();
    this.loop.signal();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.race([this.loop.stop(), sleep(LAST_CHECK_MS, undefined, { ref: false })]);
  }

  async onApplicationShutdown(): Promise<void> {
    const { dataSource } = this.connections;
    if (dataSource?.isInitialized) await dataSource.destroy();
  }

  /**
   * Runs a read on the replica, after the replica has caught up with the position that the primary has now.
   *
   * @returns undefined if the primary has to serve the read
   * @throws DomainError of the work, and `database.unavailable` if the primary is away
   */
  async read<T>(work: ListWork<T>): Promise<{ value: T } | undefined> {
    const { dataSource } = this.connections;
    if (!dataSource) return undefined;
    if (this.current !== 'ok') {
      this.reads.inc({ outcome: this.current });
      return undefined;
    }
    const position = await getPosition(this.transactions);
    try {
      const value = await this.readAt(dataSource, position, work);
      this.reads.inc({ outcome: 'served' });
      return { value };
    } catch (error) {
      if (isOfRequest(error)) throw translate(error);
      this.reads.inc({ outcome: this.observe(error) });
      return undefined;
    }
  }

  /** In one transaction, so that a pooler does not change the server between the check and the read. */
  private readAt<T>(
    dataSource: DataSource,
    position: PrimaryPosition,
    work: ListWork<T>,
  ): Promise<T> {
    return Connection.transact(dataSource, this.names, async (manager) => {
      await catchUp(manager, position, this.environment.DATABASE_READ_MAX_LAG_MS);
      return work(manager, position.snapshot);
    });
  }

  /** Sets the state from the error of a read. A recovery conflict or a slow statement does not change it. */
  private observe(error: unknown): Outcome {
    const outcome = outcomeOf(error);
    if (outcome === 'lagging' || outcome === 'unavailable') this.current = outcome;
    const message = messageOf(error);
    if (outcome === 'failed' && this.failures.isDue(message)) {
      this.logger.warn(`The read replica failed a read; the primary serves it. ${message}`);
    }
    return outcome;
  }

  /** Checks whether the replica can serve reads. Leaves the state unchanged while the primary is away. */
  private async check(): Promise<void> {
    const { dataSource } = this.connections;
    if (!dataSource || this.loop.isStopping) return;
    try {
      const position = await getPosition(this.transactions);
      if (!dataSource.isInitialized) await dataSource.initialize();
      await this.readAt(dataSource, position, () => Promise.resolve());
      this.change('ok', 'The read replica serves lists.');
    } catch (error) {
      if (error instanceof UnavailableError) return;
      const state = outcomeOf(error) === 'lagging' ? 'lagging' : 'unavailable';
      const problem = state === 'lagging' ? 'lags' : 'cannot be used';
      this.change(
        state,
        `The read replica ${problem}; the primary serves lists. ${messageOf(error)}`,
      );
    }
  }

  private change(state: ReadReplicaState, message: string): void {
    this.current = state;
    if (state === this.logged) return;
    this.logged = state;
    if (state === 'ok') this.logger.log(message);
    else this.logger.warn(message);
  }
}

/** Whether the primary would answer the request with this error, too. */
function isOfRequest(error: unknown): boolean {
  return error instanceof DomainError
    ? !(error instanceof UnavailableError)
    : classify(error) === 'bad_input';
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof ReplicaRefusalError) return error.outcome;
  return isConnectionLost(error) ? 'unavailable' : 'failed';
}
