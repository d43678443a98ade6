/** Measures the cost of one task, step by step. See docs/operations/scaling.md. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type LifeOptions, Lives, STEP_NAMES } from './cost-life.js';
import { type Cost, Meter, type TableCost } from './cost-meter.js';
import { type Ground, System } from './systems.js';

/** Without the code that V8 compiles later, CPU times are those of the first minute of a process. */
const WARM_UP = 500;
const IDLE_SECONDS = 10;

const RUNS: Record<string, LifeOptions> = {
  'without idempotency keys': { isKeyed: false, dataBytes: 32 },
  'with idempotency keys': { isKeyed: true, dataBytes: 32 },
  'with idempotency keys and 4 KB of data': { isKeyed: true, dataBytes: 4096 },
};

const ZERO: Cost = {
  walBytes: 0,
  imageBytes: 0,
  statements: 0,
  transactions: 0,
  nodeMs: 0,
  postgresMs: 0,
};

export interface CostOptions {
  dist: string;
  /** Number of tasks of each run. */
  tasks: number;
  /** Number of tasks in the tables of the run after a checkpoint. */
  size: number;
}

/** Measures the runs, one after the other on one controller, then one on large tables after a checkpoint. */
export async function cost(ground: Ground, options: CostOptions): Promise<string> {
  const report: string[] = [];
  const small = await System.controller(ground, options.dist);
  try {
    report.push(...(await costOfLives(ground, small, options)));
  } finally {
    await small.stop();
  }
  const large = await System.grown(ground, options.size);
  try {
    report.push(await costAfterCheckpoint(ground, large, options));
  } finally {
    await large.stop();
  }
  return report.join('\n');
}

async function costOfLives(
  ground: Ground,
  system: System,
  { tasks }: CostOptions,
): Promise<string[]> {
  const meter = await Meter.attach(ground, system);
  try {
    const keyed = { isKeyed: true, dataBytes: 32 };
    await live(new Lives(ground, system, WARM_UP, keyed));
    const idle = await idleCost(meter);
    const report = [idleText(idle)];
    for (const [name, options] of Object.entries(RUNS)) {
      const lives = new Lives(ground, system, tasks, options);
      const redis = await meter.redisUse();
      const before = await meter.tables();
      const steps: [string, Cost][] = [];
      for (const step of STEP_NAMES) {
        const measured = await meter.measure(() => lives.step(step));
        steps.push([step, perTask(measured, idle, tasks)]);
      }
      const after = await meter.tables();
      const used = await meter.redisUse();
      report.push(
        `\n${tasks} tasks ${name}, per task:\n`,
        stepTable(steps),
        '',
        rowTable(before, after, tasks),
        '',
        `Redis: ${per(used.keys - redis.keys, tasks, 1)} keys, ${per(used.bytes - redis.bytes, tasks)} bytes of data.`,
        `VACUUM afterwards: ${per(await meter.vacuum(), tasks)} bytes of WAL.`,
      );
    }
    return report;
  } finally {
    await meter.detach();
  }
}

/** Indexes on random values have a page for each row here, as in a database in use. */
async function costAfterCheckpoint(
  ground: Ground,
  system: System,
  { tasks, size }: CostOptions,
): Promise<string> {
  const meter = await Meter.attach(ground, system);
  try {
    const lines = [`\nTables with ${size} tasks, with idempotency keys, per task:\n`];
    const run = async (name: string): Promise<void> => {
      const lives = new Lives(ground, system, tasks, { isKeyed: true, dataBytes: 32 });
      const { walBytes, imageBytes } = await meter.measureUnsealed(() => live(lives));
      lines.push(
        `${name}: ${per(walBytes, tasks)} bytes of records, ${per(imageBytes, tasks)} bytes of page images.`,
      );
    };
    await meter.checkpoint();
    await run(`The first ${tasks} tasks after a checkpoint`);
    await run(`The next ${tasks} tasks`);
    return lines.join('\n');
  } finally {
    await meter.detach();
  }
}

async function live(lives: Lives): Promise<void> {
  for (const step of STEP_NAMES) await lives.step(step);
}

type Rates = Cost;

/** Returns the cost of one second without requests. */
async function idleCost(meter: Meter): Promise<Rates> {
  const { seconds, ...idle } = await meter.measure(() => sleep(IDLE_SECONDS * 1000));
  return combine(idle, ZERO, (value) => value / seconds);
}

function perTask(
  { seconds, ...measured }: Cost & { seconds: number },
  idle: Rates,
  tasks: number,
): Cost {
  return combine(measured, idle, (value, rate) => (value - rate * seconds) / tasks);
}

function combine(one: Cost, other: Cost, how: (one: number, other: number) => number): Cost {
  return {
    walBytes: how(one.walBytes, other.walBytes),
    imageBytes: how(one.imageBytes, other.imageBytes),
    statements: how(one.statements, other.statements),
    transactions: how(one.transactions, other.transactions),
    nodeMs: how(one.nodeMs, other.nodeMs),
    postgresMs: how(one.postgresMs, other.postgresMs),
  };
}

function idleText(idle: Rates): string {
  const { walBytes, statements, transactions, nodeMs, postgresMs } = idle;
  return (
    `A second without requests, which is subtracted below: ${walBytes.toFixed(0)} bytes of WAL, ` +
    `${statements.toFixed(1)} statements, ${transactions.toFixed(1)} transactions, ` +
    `${nodeMs.toFixed(1)} ms of CPU time of Node, ${postgresMs.toFixed(1)} ms of PostgreSQL.`
  );
}

function stepTable(steps: readonly [string, Cost][]): string {
  const sum = steps.reduce((total, [, step]) => combine(total, step, (a, b) => a + b), ZERO);
  const columns = [
    'WAL bytes',
    'statements',
    'transactions',
    'CPU Node (ms)',
    'CPU PostgreSQL (ms)',
  ];
  const rows = [...steps, ['sum', sum] as const].map(([name, step]) => [
    name,
    step.walBytes.toFixed(0),
    step.statements.toFixed(1),
    step.transactions.toFixed(1),
    step.nodeMs.toFixed(2),
    step.postgresMs.toFixed(2),
  ]);
  return table(['step', ...columns], rows);
}

/** Tables whose rows or sizes changed. */
function rowTable(
  before: readonly TableCost[],
  after: readonly TableCost[],
  tasks: number,
): string {
  const rows = after.flatMap((now) => {
    const then = before.find(({ table: name }) => name === now.table);
    const grown = (member: Exclude<keyof TableCost, 'table'>): number =>
      (now[member] - (then?.[member] ?? 0)) / tasks;
    if (grown('inserted') + grown('updated') < 0.01) return [];
    return [
      [
        `\`${now.table}\``,
        grown('inserted').toFixed(2),
        grown('updated').toFixed(2),
        grown('hot').toFixed(2),
        grown('dead').toFixed(2),
        grown('heapBytes').toFixed(0),
        grown('indexBytes').toFixed(0),
      ],
    ];
  });
  const sum = [1, 2, 3, 4, 5, 6].map((column) =>
    rows.reduce((total, row) => total + Number(row[column]), 0),
  );
  const last = sum.map((value, n) => value.toFixed(n < 4 ? 2 : 0));
  const columns = ['inserted', 'updated', 'of these HOT', 'dead', 'bytes', 'bytes of indexes'];
  return table(['table', ...columns], [...rows, ['sum', ...last]]);
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = columns.map(() => '---');
  return [columns, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function per(total: number, tasks: number, digits = 0): string {
  return (total / tasks).toFixed(digits);
}
