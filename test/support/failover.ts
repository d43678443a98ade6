import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../../src/database/migrate.js';
import { withClient } from './catalog.js';
import { ControllerProcess } from './controller-process.js';
import { until } from './eventually.js';
import { type HistoryReport, runHistory, untilReady } from './history-run.js';
import { createTestDatabase } from './postgres.js';
import { startTestRedis } from './redis.js';
import { STANDBY, StreamingReplica } from './streaming-replica.js';

export interface FailoverOptions {
  seed: number;
  /** Length of each phase under load. */
  seconds: number;
  isSynchronous: boolean;
}

export interface FailoverReport extends HistoryReport {
  /** Milliseconds from the promotion until both controllers are ready. */
  recovery: number;
  /** Number of transactions that wrote to the former primary after it was back. */
  staleWrites: number;
}

/** How long the loss of the primary lasts until the standby is promoted, in milliseconds. */
const OUTAGE_MS = 2_000;
/** Number of requests that the primary of an asynchronous standby commits alone before it is lost. */
const UNSENT = 20;

/**
 * Two controllers under load while their primary is lost: the connection to its standby breaks first, then its machine.
 * The standby is promoted, and later the former primary is back, accepts writes, and is for a while the only host that
 * does.
 */
export async function failOver({
  seed,
  seconds,
  isSynchronous,
}: FailoverOptions): Promise<FailoverReport> {
  const [redis, replica] = await Promise.all([
    startTestRedis(),
    StreamingReplica.start({
      ...(isSynchronous && { synchronousStandbyNames: STANDBY }),
      // Its transactions are not those of the controllers.
      settings: { autovacuum: 'off' },
    }),
  ]);
  try {
    const databaseUrl = await createTestDatabase(replica.primary.url);
    await migrate(databaseUrl);
    await replica.waitUntilCaughtUp();
    const failover = new Failover(replica, databaseUrl, seconds * 1_000);
    const report = await runHistory({
      seed,
      env: { DATABASE_URL: replica.url(databaseUrl), REDIS_URL: redis.url },
      during: (controllers) => failover.run(controllers, isSynchronous),
      result: () => replica.standbyUrl(databaseUrl),
    });
    const { recovery, staleWrites } = failover;
    return { ...report, recovery, staleWrites };
  } finally {
    await Promise.all([replica.stop(), redis.stop()]);
  }
}

class Failover {
  recovery = 0;
  staleWrites = 0;

  constructor(
    private readonly replica: StreamingReplica,
    private readonly databaseUrl: string,
    private readonly phase: number,
  ) {}

  async run(controllers: readonly ControllerProcess[], isSynchronous: boolean): Promise<void> {
    const { replica, phase } = this;
    await sleep(phase);
    const committed = isSynchronous ? 0 : await this.countRecords();
    replica.link.silent = true;
    await until(async () =>
      isSynchronous
        ? await this.hasWaitingCommit()
        : (await this.countRecords()) >= committed + UNSENT,
    );
    await replica.stopPrimary();
    await sleep(OUTAGE_MS);
    await replica.promote();
    const promoted = performance.now();
    await untilReady(controllers);
    this.recovery = Math.round(performance.now() - promoted);
    await sleep(phase);

    await replica.primary.restart();
    const before = await this.nextTransaction();
    await sleep(phase / 2);
    replica.standby.kill('SIGKILL');
    await sleep(OUTAGE_MS);
    await replica.standby.restart();
    await untilReady(controllers);
    await sleep(phase / 2);
    this.staleWrites = (await this.nextTransaction()) - before;
  }

  private async hasWaitingCommit(): Promise<boolean> {
    const { rowCount } = await withClient(this.replica.primary.url, (client) =>
      client.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`),
    );
    return rowCount !== 0;
  }

  /** Number of requests that the primary has committed. */
  private async countRecords(): Promise<number> {
    const { rows } = await withClient(this.databaseUrl, (client) =>
      client.query<{ n: number }>('SELECT count(*)::integer AS n FROM idempotency_records'),
    );
    return rows[0]?.n ?? 0;
  }

  /** The id of the next transaction that writes to the former primary, including those that are not committed. */
  private async nextTransaction(): Promise<number> {
    const { rows } = await withClient(this.replica.primary.url, async (client) => {
      await client.query('CHECKPOINT');
      return client.query<{ id: number }>(
        `SELECT split_part(next_xid, ':', 2)::integer AS id FROM pg_control_checkpoint()`,
      );
    });
    return rows[0]?.id ?? 0;
  }
}
