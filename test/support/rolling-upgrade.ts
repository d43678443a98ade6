import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { migrationOptions } from '../../src/database/database-options.js';
import { migrate, MigratingDataSource } from '../../src/database/migrate.js';
import { tokenFor } from './app.js';
import { type Answer, Client } from './client.js';
import { ControllerProcess } from './controller-process.js';
import { eventually } from './eventually.js';
import { History, type Kind, type TryAnswer, violation, type Violation } from './history.js';
import { check } from './history-check.js';
import { LISTS, ListReader, listedAcross } from './list-reader.js';
import { createTestDatabase, dropTestDatabase } from './postgres.js';
import { patient } from './patience.js';
import { buildPreviousRelease } from './previous-release.js';
import { Random } from './random.js';
import { startTestRedis } from './redis.js';
import { stateDifferences } from './state-comparison.js';
import { readStored } from './stored-rows.js';
import { WorkloadClient } from './workload.js';

export interface UpgradeOptions {
  seed: number;
  /** Length of each phase under load. */
  seconds: number;
  clients?: number;
  /** Whether the previous version returns in the end, first on the schema of this version, then on its own. */
  goesBack?: boolean;
}

export interface UpgradeReport {
  violations: Violation[];
  /** Number of migrations that were applied while the previous version worked. */
  migrations: number;
  operations: number;
  /** Number of pages and exports that were read. */
  reads: number;
  answers: Record<string, number>;
}

interface Servers {
  databaseUrl: string;
  db: pg.Client;
  redisUrl: string;
  /** The main program of the previous release. */
  previous: string;
}

/** Upgrades from the previous release under load, and compares the responses with the stored rows. */
export async function runUpgrade(options: UpgradeOptions): Promise<UpgradeReport> {
  const [programs, redis, databaseUrl] = await Promise.all([
    buildPreviousRelease(),
    startTestRedis(),
    createTestDatabase(process.env.TEST_POSTGRES_URL ?? ''),
  ]);
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  const previous = join(programs.folder, 'src/main.js');
  const upgrade = new Upgrade({ databaseUrl, db, redisUrl: redis.url, previous }, options);
  try {
    return await upgrade.run();
  } finally {
    await upgrade.stop();
    await Promise.all([db.end(), redis.stop(), programs.remove()]);
    await dropTestDatabase(databaseUrl);
  }
}

/** Members of a response that the next request needs. */
interface Made {
  task_id?: string;
  approval_id?: string;
}

/** A role for which nobody else works. */
const PAUSED_ROLE = 'paused';

/** How long after the end of a load everything that was begun must be settled, in milliseconds. */
const SETTLE_MS = 30_000;

class Upgrade {
  private readonly history = new History();
  private readonly random: Random;
  private readonly lists: ListReader;
  private readonly violations: Violation[] = [];
  private running: ControllerProcess[] = [];
  private readonly previousUrls = new Set<string>();
  private migrations = 0;

  constructor(
    private readonly servers: Servers,
    private readonly options: UpgradeOptions,
  ) {
    this.random = new Random(options.seed);
    this.lists = new ListReader(
      this.random.fork(),
      () => this.urls(),
      (url) => this.previousUrls.has(url),
    );
  }

  async run(): Promise<UpgradeReport> {
    const { databaseUrl } = this.servers;
    const old = await Promise.all([this.start('previous'), this.start('previous')]);
    let current = old[0];
    await this.underLoad(async () => {
      await this.phase();
      this.migrations = await migrate(databaseUrl);
      await this.phase();
      current = await this.start('current');
      await Promise.all([this.end(old[1]), this.replay(old[0], current)]);
      await this.assertPauseRefused(current);
      await this.phase();
    });
    await this.compareLists([old[0].url, current.url]);
    await this.underLoad(async () => {
      await this.end(old[0]);
      await this.phase();
    });
    await this.assertEventLog();
    if (this.options.goesBack) await this.goBack(current);
    await this.compareState();
    if (!this.options.goesBack) await this.assertPaused(current);
    await this.stop();
    return this.report();
  }

  /** Leaves no controller behind. */
  async stop(): Promise<void> {
    await Promise.all(this.running.map((controller) => this.end(controller)));
  }

  private async goBack(current: ControllerProcess): Promise<void> {
    const { databaseUrl } = this.servers;
    await this.underLoad(async () => {
      await this.start('previous');
      await this.phase();
      await this.end(current);
      await this.phase();
      await revert(databaseUrl, this.migrations);
      await this.phase();
    });
  }

  private phase(): Promise<void> {
    return sleep(this.options.seconds * 1_000);
  }

  private urls(): readonly string[] {
    return this.running.map(({ url }) => url);
  }

  private async start(version: 'previous' | 'current'): Promise<ControllerProcess> {
    const { databaseUrl, redisUrl, previous } = this.servers;
    const env = {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      MIGRATE_ON_START: String(this.migrations === 0),
      LEASE_MIN_SECONDS: '1',
      SWEEP_INTERVAL_SECONDS: '1',
    };
    const program = version === 'previous' ? previous : undefined;
    const controller = await ControllerProcess.startMain(env, program);
    if (version === 'previous') this.previousUrls.add(controller.url);
    else this.previousUrls.delete(controller.url);
    this.running.push(controller);
    return controller;
  }

  /** Takes an instance out of rotation, and stops it when its requests have ended. */
  private async end(controller: ControllerProcess): Promise<void> {
    this.running = this.running.filter((other) => other !== controller);
    if (controller.diedByItself) this.fail('no controller dies by itself', controller.output);
    // As long as a request takes: an export that is read at the stop is cut.
    await sleep(patient(1_000));
    await controller.stop();
    if (controller.exitCode !== 0) this.fail('a stop ends with code 0', controller.output);
  }

  private fail(rule: string, detail: string, about = ''): void {
    this.violations.push(violation(rule, about, detail));
  }

  /** Clients work and read lists during `steps`, and then settle what they began. */
  private async underLoad(steps: () => Promise<void>): Promise<void> {
    const { history, options, random } = this;
    const load = {
      history,
      urls: () => this.urls(),
      isOpened: true,
      patience: Infinity,
      isOpen: () => load.isOpened,
    };
    const habits = { storms: 0.4, abandons: 0, pause: 20 };
    const clients = Array.from(
      { length: options.clients ?? 6 },
      (_, n) => new WorkloadClient(String(n), load, random.fork(), habits),
    );
    const working = Promise.all([
      ...clients.map((client) => client.run()),
      this.lists.run(() => load.isOpened),
    ]);
    try {
      await Promise.race([steps(), working]);
    } finally {
      load.isOpened = false;
      load.patience = performance.now() + patient(SETTLE_MS);
    }
    await working;
  }

  /** Sends each request to one version, and then with its key to the other one, which has to replay the response. */
  private async replay(old: ControllerProcess, current: ControllerProcess): Promise<void> {
    for (const [first, second] of [
      [old, current],
      [current, old],
    ] as const) {
      const target = 'manager';
      const { task_id } = await this.sendTwice('task', first, second, 'finance', {
        path: '/tasks/route',
        body: (key) => ({ target, task: { task_type: 'upgrade', data: { key } } }),
      });
      const { approval_id } = await this.sendTwice('ask', first, second, 'finance', {
        path: '/approvals',
        body: (reason) => ({ task_id, approver_role: 'legal', reason }),
      });
      await this.sendTwice('decision', first, second, 'legal', {
        path: `/approvals/${approval_id ?? ''}/decision`,
        body: (comments) => ({ decision: 'approved', comments }),
      });
    }
  }

  private async sendTwice(
    kind: Kind,
    first: ControllerProcess,
    second: ControllerProcess,
    role: string,
    { path, body }: { path: string; body: (key: string) => unknown },
  ): Promise<Made> {
    const key = randomUUID();
    const operation = this.history.begin(kind, key);
    const token = tokenFor(role, `replays-${role}`);
    const headers = { 'Idempotency-Key': key, 'X-Trace-Id': operation.trace };
    const send = async ({ url }: ControllerProcess): Promise<Answer<Made>> => {
      const start = performance.now();
      const answer = await new Client(url, token).post<Made>(path, body(key), headers);
      const end = performance.now();
      operation.tries.push({ start, end, answer: toTryAnswer(answer) });
      return answer;
    };
    const [original, replay] = [await send(first), await send(second)];
    if (replay.headers.get('idempotent-replayed') !== 'true' || replay.text !== original.text)
      this.fail('replays are equal across versions', `${original.text}\n${replay.text}`, kind);
    return original.body;
  }

  /** An instance of the previous release is connected, and would ignore the pause. */
  private async assertPauseRefused({ url }: ControllerProcess): Promise<void> {
    const { status, text, body } = await pauseRole(url);
    if (status !== 409 || body.code !== 'role.previous_release')
      this.fail('a pause is refused beside the previous release', text);
  }

  private async assertPaused({ url }: ControllerProcess): Promise<void> {
    const paused = await eventually(
      () => pauseRole(url),
      ({ status }) => status === 200,
    );
    const worker = new Client(url, tokenFor(PAUSED_ROLE));
    const claim = await worker.post('/tasks/claim', {});
    if (claim.status !== 204 || !claim.headers.has('role-paused'))
      this.fail('a role is paused after the upgrade', `${paused.text} ${claim.status}`);
    await new Client(url, tokenFor('admin')).post(`/roles/${PAUSED_ROLE}/resume`, {});
  }

  /** Each list is the same, whichever version returns which page. */
  private async compareLists(urls: readonly [string, string]): Promise<void> {
    for (const list of LISTS) {
      const differences = await eventually(
        async () => {
          const [expected, ...mixed] = await Promise.all([
            listedAcross(list, [urls[1]]),
            listedAcross(list, urls),
            listedAcross(list, [...urls].reverse()),
          ]);
          return mixed.filter((ids) => ids.join() !== expected.join());
        },
        (found) => found.length === 0,
      );
      if (differences.length > 0)
        this.fail('cursors are valid in both versions', `${differences.length} differ`, list);
    }
  }

  /** Each event of either version has its position, and the positions have no gap. */
  private async assertEventLog(): Promise<void> {
    const { db } = this.servers;
    const read = async () => (await db.query<{ missing: number; gaps: number }>(EVENT_LOG)).rows[0];
    const found = await eventually(read, (row) => row?.missing === 0);
    if (found?.missing !== 0 || found.gaps !== 0)
      this.fail('every event has a position', JSON.stringify(found));
  }

  private async compareState(): Promise<void> {
    const { db } = this.servers;
    this.violations.push(...(await stateDifferences(db, this.urls())));
    this.violations.push(...check(this.history.operations, await readStored(db)));
  }

  private report(): UpgradeReport {
    const { operations, faults } = this.history;
    const answers: Record<string, number> = {};
    for (const { answer } of operations.flatMap(({ tries }) => tries)) {
      const name = answer ? `${answer.status} ${answer.code ?? ''}`.trim() : 'none';
      answers[name] = (answers[name] ?? 0) + 1;
    }
    return {
      violations: [...this.violations, ...faults, ...this.lists.violations],
      migrations: this.migrations,
      operations: operations.length,
      reads: this.lists.reads,
      answers,
    };
  }
}

function pauseRole(url: string): Promise<Answer> {
  const path = `/roles/${PAUSED_ROLE}/pause`;
  return new Client(url, tokenFor('admin')).post(path, { reason: 'upgrade' });
}

/** Reverts the last migrations, as the command does. */
async function revert(url: string, count: number): Promise<void> {
  const source = await new MigratingDataSource(migrationOptions(url)).initialize();
  try {
    for (let left = count; left > 0; left -= 1) await source.undoLastMigration();
  } finally {
    await source.destroy();
  }
}

function toTryAnswer({ status, text, headers }: Answer<unknown>): TryAnswer {
  return {
    status,
    text,
    replayed: headers.get('idempotent-replayed') === 'true',
    retryAfter: headers.has('retry-after'),
  };
}

const EVENT_LOG = `
  SELECT (SELECT count(*) FROM audit_events e
           WHERE NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.id))::integer AS missing,
         (SELECT coalesce(max(position), 0) - count(*) FROM event_log)::integer AS gaps`;
