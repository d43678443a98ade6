import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { newDatabase } from './app.js';
import type { BrokenBuild } from './controller-faults.js';
import { type ControllerOptions, ControllerProcess } from './controller-process.js';
import { History, violation, type Violation } from './history.js';
import { check } from './history-check.js';
import { stateDifferences } from './state-comparison.js';
import { patient } from './patience.js';
import { dropTestDatabase } from './postgres.js';
import { Random } from './random.js';
import { startTestRedis, type TestRedis } from './redis.js';
import { readStored } from './stored-rows.js';
import { type CommitFate, TcpProxy } from './tcp-proxy.js';
import { type Habits, WorkloadClient } from './workload.js';

export interface ChaosOptions extends Partial<Habits> {
  /** Decides what clients do and which faults strike; when exactly they do is up to the machine. */
  seed: number;
  seconds: number;
  /** How many operations must have begun, too, before it ends: a busy machine then takes longer. */
  operations?: number;
  clients?: number;
  /** How long after the last fault everything that was begun must be settled, in milliseconds. */
  settle?: number;
  /** What strikes; everything unless told otherwise. */
  faults?: readonly Fault[];
  broken?: BrokenBuild;
}

export interface ChaosReport {
  violations: Violation[];
  operations: number;
  /** How many answers of which status came back; `none`: how often a connection broke. */
  answers: Record<string, number>;
  /** How often each fault struck. */
  faults: Record<string, number>;
}

/** How much longer than it was told to a run may take until it has its operations. */
const MOST_EXTRA_MS = 30_000;

/** Lets clients work on two controllers while faults strike, then compares what they were told with what is stored. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const world = await World.create(options);
  try {
    return await world.run(options);
  } finally {
    await world.close();
  }
}

/** Two controllers behind a proxy to Postgres, with a Redis of their own. */
class World {
  private readonly controllers: ControllerProcess[] = [];
  private readonly dead: ControllerProcess[] = [];
  private readonly struck = new Map<string, number>();
  private open = true;

  private constructor(
    private readonly databaseUrl: string,
    private readonly db: pg.Client,
    private readonly redis: TestRedis,
    private readonly proxy: TcpProxy,
    private readonly options: ControllerOptions,
  ) {}

  static async create({ broken }: ChaosOptions): Promise<World> {
    const databaseUrl = await newDatabase();
    const proxy = await TcpProxy.inFrontOf(databaseUrl);
    const redis = await startTestRedis();
    const db = new pg.Client({ connectionString: databaseUrl });
    await db.connect();
    const world = new World(databaseUrl, db, redis, proxy, {
      databaseUrl: proxy.url(databaseUrl),
      env: {
        LEASE_MIN_SECONDS: '1',
        SWEEP_INTERVAL_SECONDS: '1',
        OUTAGE_GRACE_SECONDS: '1',
      },
      redisUrl: redis.url,
      ...(broken && { broken }),
    });
    try {
      await Promise.all([world.startController(), world.startController()]);
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async run(options: ChaosOptions): Promise<ChaosReport> {
    const {
      seed,
      seconds,
      clients = 12,
      operations = 0,
      faults = FAULTS,
      settle = 50_000,
    } = options;
    const habits = { storms: 0.3, abandons: 0.1, pause: 10, ...options };
    const random = new Random(seed);
    const history = new History();
    const end = performance.now() + seconds * 1000;
    const longest = end + MOST_EXTRA_MS;
    const field = {
      history,
      urls: () => this.controllers.map(({ url }) => url),
      closed: Infinity,
      get patience() {
        return this.closed + patient(settle);
      },
      isOpen() {
        const now = performance.now();
        const isOpen = now < end || (history.operations.length < operations && now < longest);
        if (!isOpen && this.closed === Infinity) this.closed = now;
        return isOpen;
      },
    };
    // Each in a lane of its own: a controller takes seconds to start, in which other faults may strike.
    const lanes = [
      { lane: ['kill'], pause: 2_000 },
      { lane: MEDDLING, pause: 500 },
    ] as const;
    const striking = lanes.map(({ lane, pause }) => {
      const wanted = lane.filter((fault) => faults.includes(fault));
      return this.strike(wanted, pause, random.fork(), () => field.isOpen());
    });
    const agents = Array.from(
      { length: clients },
      (_, n) => new WorkloadClient(String(n), field, random.fork(), habits),
    );
    await Promise.all([...striking, ...agents.map((agent) => agent.run())]);
    const told = await stateDifferences(this.db, field.urls());
    await this.stopControllers();
    const violations = [
      ...told,
      ...check(history.operations, await readStored(this.db)),
      ...history.faults,
      ...this.dead.filter(({ diedByItself }) => diedByItself).map(diedByItself),
    ];
    return { violations, ...summary(history), faults: Object.fromEntries(this.struck) };
  }

  async close(): Promise<void> {
    this.open = false;
    await this.stopControllers();
    await Promise.all([this.proxy.close(), this.db.end(), this.redis.stop()]);
    await dropTestDatabase(this.databaseUrl);
  }

  /** Makes one fault strike after another, with pauses of up to so many milliseconds. */
  private async strike(
    faults: readonly Fault[],
    longestPause: number,
    random: Random,
    isOpen: () => boolean,
  ): Promise<void> {
    while (faults.length > 0 && isOpen() && this.open) {
      await sleep(random.between(50, longestPause));
      const fault = random.pick(faults);
      this.struck.set(fault, (this.struck.get(fault) ?? 0) + 1);
      await this[fault](random);
    }
  }

  /** kill -9; another controller is up by then, for there must always be two to compete. */
  async kill(random: Random): Promise<void> {
    const victim = random.pick(this.controllers);
    await this.startController();
    victim.kill();
    await victim.ended;
    this.bury(victim);
  }

  /** Stands still, with whatever it holds, and goes on. */
  async stall(random: Random): Promise<void> {
    const victim = random.pick(this.controllers);
    victim.kill('SIGSTOP');
    await sleep(random.between(100, 1_500));
    victim.kill('SIGCONT');
  }

  async endBackends(random: Random): Promise<void> {
    const { rows } = await this.db.query<{ pid: number }>(BACKENDS);
    const pids = rows.map(({ pid }) => pid).filter(() => random.chance(0.5));
    await this.db.query('SELECT pg_terminate_backend(pid) FROM unnest($1::integer[]) AS pid', [
      pids,
    ]);
  }

  async restartRedis(): Promise<void> {
    await this.redis.restart();
  }

  async emptyRedis(): Promise<void> {
    const redis = new Redis(this.redis.url);
    await redis.flushall();
    redis.disconnect();
  }

  async stallRedis(random: Random): Promise<void> {
    this.redis.kill('SIGSTOP');
    await sleep(random.between(100, 1_000));
    this.redis.kill('SIGCONT');
  }

  async slowPostgres(random: Random): Promise<void> {
    this.proxy.latency = random.between(5, 50);
    await sleep(random.between(200, 1_000));
    this.proxy.latency = 0;
  }

  cutPostgres(): Promise<void> {
    this.proxy.cut();
    return Promise.resolve();
  }

  meddleWithCommits(random: Random): Promise<void> {
    const count = random.between(1, 10);
    this.proxy.nextCommits(...Array.from({ length: count }, () => random.pick(FATES)));
    return Promise.resolve();
  }

  private async startController(): Promise<void> {
    const controller = await ControllerProcess.start(this.options);
    this.controllers.push(controller);
  }

  private bury(controller: ControllerProcess): void {
    this.controllers.splice(this.controllers.indexOf(controller), 1);
    this.dead.push(controller);
  }

  private async stopControllers(): Promise<void> {
    await Promise.all(
      [...this.controllers].map(async (controller) => {
        await controller.stop();
        this.bury(controller);
      }),
    );
  }
}

const MEDDLING = [
  'stall',
  'endBackends',
  'restartRedis',
  'emptyRedis',
  'stallRedis',
  'slowPostgres',
  'cutPostgres',
  'meddleWithCommits',
] as const;
export const FAULTS = ['kill', ...MEDDLING] as const;
export type Fault = (typeof FAULTS)[number];

const FATES: readonly CommitFate[] = ['pass', 'pass', 'cut', 'hang', 'lose', 'rollback'];

const BACKENDS = `
  SELECT pid FROM pg_stat_activity
   WHERE datname = current_database() AND application_name = 'agent-mesh-controller' ORDER BY pid`;

function diedByItself({ pid, output }: ControllerProcess): Violation {
  return violation('no controller dies by itself', `process ${pid}`, output);
}

function summary({ operations }: History): Pick<ChaosReport, 'operations' | 'answers'> {
  const answers: Record<string, number> = {};
  for (const { answer } of operations.flatMap(({ tries }) => tries)) {
    const name = answer ? `${answer.status} ${answer.code ?? ''}`.trim() : 'none';
    answers[name] = (answers[name] ?? 0) + 1;
  }
  return { operations: operations.length, answers };
}
