import pg from 'pg';
import { ControllerProcess } from './controller-process.js';
import { eventually } from './eventually.js';
import { check } from './history-check.js';
import { History, isSuccess, violation, type Violation } from './history.js';
import { patient } from './patience.js';
import { Random } from './random.js';
import { stateDifferences } from './state-comparison.js';
import { readStored } from './stored-rows.js';
import { WorkloadClient } from './workload.js';

export interface HistoryRunOptions {
  seed: number;
  /** Variables of each controller. */
  env: Record<string, string>;
  clients?: number;
  /** The URL that clients send requests to instead of the controllers. */
  front?: (controllers: readonly ControllerProcess[]) => Promise<string>;
  /** The steps of the run while clients work, which can replace controllers. Clients stop when it resolves. */
  during: (controllers: ControllerProcess[]) => Promise<unknown>;
  /** The URL of the database that has the result of the run. */
  result: () => string;
}

export interface HistoryReport {
  violations: Violation[];
  operations: number;
  acknowledged: number;
  /** Number of acknowledged operations that the database does not contain. */
  lost: number;
  answers: Record<string, number>;
}

/** How long after the last step everything that was begun must be settled, in milliseconds. */
const SETTLE_MS = 50_000;

/** Lets clients work on two controllers, as processes of production, and checks what they received against the database. */
export async function runHistory(options: HistoryRunOptions): Promise<HistoryReport> {
  const { env, front, during, result } = options;
  const controllers: ControllerProcess[] = [];
  try {
    controllers.push(await startController(env), await startController(env));
    const urls = front ? [await front(controllers)] : controllers.map(({ url }) => url);
    const history = await workDuring(() => during(controllers), urls, options);
    return await compare(history, controllers, result());
  } finally {
    await Promise.all(controllers.map((controller) => controller.stop()));
  }
}

/** Starts a controller, and waits until it is ready. */
export async function startController(env: Record<string, string>): Promise<ControllerProcess> {
  const controller = await ControllerProcess.startMain({ ...VARIABLES, ...env });
  await untilReady([controller]);
  return controller;
}

/** Waits until every controller is ready. */
export async function untilReady(controllers: readonly ControllerProcess[]): Promise<void> {
  for (const controller of controllers) {
    const status = await eventually(
      () => fetch(`${controller.url}/health/ready`).then((response) => response.status),
      (found) => found === 200,
      60_000,
    );
    if (status !== 200) throw new Error(`A controller is not ready: ${controller.output}`);
  }
}

const VARIABLES = {
  LEASE_MIN_SECONDS: '1',
  SWEEP_INTERVAL_SECONDS: '1',
  OUTAGE_GRACE_SECONDS: '1',
};

async function workDuring(
  steps: () => Promise<unknown>,
  urls: readonly string[],
  { seed, clients = 12 }: HistoryRunOptions,
): Promise<History> {
  const random = new Random(seed);
  const history = new History();
  const state = { isOpen: true, patience: Infinity };
  const field = {
    history,
    urls: () => urls,
    isOpen: () => state.isOpen,
    get patience() {
      return state.patience;
    },
  };
  const habits = { storms: 0.3, abandons: 0.1, pause: 10 };
  const work = Array.from({ length: clients }, (_, n) =>
    new WorkloadClient(String(n), field, random.fork(), habits).run(),
  );
  try {
    await steps();
  } finally {
    state.isOpen = false;
    state.patience = performance.now() + patient(SETTLE_MS);
    await Promise.all(work);
  }
  return history;
}

async function compare(
  { operations, faults }: History,
  controllers: readonly ControllerProcess[],
  databaseUrl: string,
): Promise<HistoryReport> {
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  try {
    const urls = controllers.map(({ url }) => url);
    const differences = await stateDifferences(db, urls);
    const dead = controllers.filter(({ diedByItself }) => diedByItself);
    const found = check(operations, await readStored(db));
    const tries = operations.map((operation) =>
      operation.tries.flatMap(({ answer }) => answer ?? []),
    );
    return {
      violations: [
        ...found,
        ...differences,
        ...faults,
        ...dead.map(({ pid, output }) => violation('no controller dies', String(pid), output)),
      ],
      operations: operations.length,
      acknowledged: tries.filter((answers) => answers.some(isSuccess)).length,
      lost: found.filter(({ rule }) => rule === 'acknowledged is stored').length,
      answers: countsOf(tries.flat().map(({ status, code }) => `${status} ${code ?? ''}`.trim())),
    };
  } finally {
    await db.end();
  }
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
