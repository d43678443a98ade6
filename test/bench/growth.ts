import { setTimeout as sleep } from 'node:timers/promises';
import { GROWTH_CASES, type GrowthCase } from './growth-cases.js';
import { type Caller, CALLERS } from './growth-rows.js';
import { median } from './group.js';
import { type Bench, type Load, sample } from './rounds.js';
import { type Ground, System } from './systems.js';

const SIZES = [1_000, 100_000, 1_000_000];
/** Times of one case are at most this many times the shortest, and at most this many milliseconds. */
const MOST = 1.5;
const MOST_MS = 50;
/** Longest time of a scrape of the metrics, in milliseconds. */
const MOST_SCRAPE_MS = 100;
/** Longer than the controller uses the values of one scrape. */
const SCRAPE_INTERVAL_MS = 3_200;
const SCRAPES = 5;
const SECONDS = 0.1;
const ROUNDS = 7;
/** How often a case that misses a target is measured: other work on the machine only adds time. */
const MEASUREMENTS = 3;
const WIDTH = 52;

/** Medians of one case in milliseconds, one for each size. */
interface Result {
  medians: number[];
  ratio: number;
  isMet: boolean;
}

/**
 * Response times as tables grow: one controller for each size, asked in turn, on one connection. Returns whether every
 * time is within the targets. The ratio compares the tables in which the page has the most rows: a small table has less
 * than a page of some filters.
 *
 * @param cases names of cases, or the beginnings of names
 */
export async function growth(
  ground: Ground,
  load: Load,
  cases: readonly string[] = [''],
  sizes: readonly number[] = SIZES,
): Promise<boolean> {
  const bench = { ground, load };
  const systems: System[] = [];
  try {
    for (const size of sizes) systems.push(await System.grown(ground, size));
    print('median ms at', sizes.map(String), 'most/least');
    const missed: string[] = [];
    for (const [name, found] of Object.entries(GROWTH_CASES)) {
      if (!cases.some((each) => name.startsWith(each))) continue;
      const { medians, ratio, isMet } = await measured(bench, systems, name, found);
      if (!isMet) missed.push(name);
      printMedians(name, medians, ratio.toFixed(2));
    }
    if (cases.some((each) => 'scrape of metrics'.startsWith(each))) {
      const scrapes = await Promise.all(systems.map((system) => scrapeMs(ground, system)));
      if (Math.max(...scrapes) > MOST_SCRAPE_MS) missed.push('scrape of metrics');
      printMedians('scrape of metrics', scrapes, '');
    }
    process.stdout.write(
      missed.length === 0 ? 'All targets are met.\n' : `Missed:\n  ${missed.join('\n  ')}\n`,
    );
    return missed.length === 0;
  } finally {
    await Promise.all(systems.map((system) => system.stop()));
  }
}

async function measured(
  bench: Bench,
  systems: readonly System[],
  name: string,
  found: GrowthCase,
): Promise<Result> {
  const rows = await Promise.all(systems.map((system) => rowsOf(bench.ground, system, found)));
  const full = rows.map((count) => count === Math.max(...rows));
  let least: number[] = systems.map(() => Infinity);
  for (let measurement = 1; ; measurement += 1) {
    const medians = await mediansOf(bench, systems, name, found);
    least = least.map((ms, n) => Math.min(ms, medians[n] ?? Infinity));
    const compared = least.filter((_, n) => full[n]);
    const ratio = Math.max(...compared) / Math.min(...compared);
    const isMet = Math.max(...least) <= MOST_MS && (ratio <= MOST || found.counts === true);
    if (isMet || measurement === MEASUREMENTS) return { medians: least, ratio, isMet };
  }
}

async function mediansOf(
  bench: Bench,
  systems: readonly System[],
  name: string,
  { viewer }: GrowthCase,
): Promise<number[]> {
  const times = systems.map((): number[] => []);
  const tokens = [tokenOf(bench.ground, viewer)];
  // The first two rounds warm up.
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const [n, system] of systems.entries()) {
      const { p50 } = await sample(bench, system, name, tokens, SECONDS);
      if (round >= 0) times[n]?.push(p50);
    }
  }
  return times.map(median);
}

/** Number of rows of the page of a case; 0 if it has none. */
async function rowsOf(ground: Ground, system: System, found: GrowthCase): Promise<number> {
  if (found.path === undefined) return 0;
  const { body } = await get(ground, system, found.viewer, found.path);
  const list = Object.values(JSON.parse(body) as Record<string, unknown>).find(Array.isArray);
  return list?.length ?? 0;
}

/** Median time of scrapes whose values are read from the database. */
async function scrapeMs(ground: Ground, system: System): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < SCRAPES; n += 1) {
    await sleep(SCRAPE_INTERVAL_MS);
    times.push((await get(ground, system, 'auditor', '/metrics')).ms);
  }
  return median(times);
}

async function get(
  ground: Ground,
  system: System,
  viewer: Caller,
  path: string,
): Promise<{ ms: number; body: string }> {
  const start = performance.now();
  const response = await fetch(`${system.url}${path}`, {
    headers: { authorization: `Bearer ${tokenOf(ground, viewer)}` },
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`${path} is ${response.status}: ${body}`);
  return { ms: performance.now() - start, body };
}

function tokenOf(ground: Ground, caller: Caller): string {
  return ground.token(CALLERS[caller], caller);
}

function printMedians(name: string, medians: readonly number[], last: string): void {
  print(
    name,
    medians.map((ms) => ms.toFixed(2)),
    last,
  );
}

function print(name: string, cells: readonly string[], last: string): void {
  const line = [name.padEnd(WIDTH), ...[...cells, last].map((cell) => cell.padStart(10))];
  process.stdout.write(`${line.join(' ')}\n`);
}
