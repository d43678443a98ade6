import { GROWTH_CASES, type GrowthCase } from './growth-cases.js';
import { ROLES_OF } from './growth-rows.js';
import { median } from './group.js';
import { type Load, sample } from './rounds.js';
import { type Ground, System } from './systems.js';

const SIZES = [1_000, 100_000, 1_000_000];
/** Times of one case are at most this many times the shortest, and at most this many milliseconds. */
const MOST = 1.5;
const MOST_MS = 50;
const SECONDS = 0.1;
const ROUNDS = 7;
const WIDTH = 52;

/**
 * Response times as tables grow: one controller for each size, asked in turn, on one connection. Returns whether every
 * time is within the targets.
 *
 * @param cases names of cases, or the beginnings of names
 */
export async function growth(
  ground: Ground,
  load: Load,
  cases: readonly string[] = [''],
  sizes: readonly number[] = SIZES,
): Promise<boolean> {
  const systems: System[] = [];
  try {
    for (const size of sizes) systems.push(await System.grown(ground, size));
    print('median ms at', sizes.map(String), 'most/least');
    const missed: string[] = [];
    for (const [name, found] of Object.entries(GROWTH_CASES)) {
      if (!cases.some((each) => name.startsWith(each))) continue;
      const medians = await mediansOf({ ground, load }, systems, name, found);
      const ratio = Math.max(...medians) / Math.min(...medians);
      const isGrowing = ratio > MOST && found.counts !== true;
      if (isGrowing || Math.max(...medians) > MOST_MS) missed.push(name);
      print(
        name,
        medians.map((ms) => ms.toFixed(2)),
        ratio.toFixed(2),
      );
    }
    process.stdout.write(
      missed.length === 0 ? 'All targets are met.\n' : `Missed:\n  ${missed.join('\n  ')}\n`,
    );
    return missed.length === 0;
  } finally {
    await Promise.all(systems.map((system) => system.stop()));
  }
}

async function mediansOf(
  bench: { ground: Ground; load: Load },
  systems: readonly System[],
  name: string,
  { viewer }: GrowthCase,
): Promise<number[]> {
  const times = systems.map((): number[] => []);
  const tokens = bench.ground.tokens(1, ROLES_OF[viewer]);
  // The first two rounds warm up.
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const [n, system] of systems.entries()) {
      const { p50 } = await sample(bench, system, name, tokens, SECONDS);
      if (round >= 0) times[n]?.push(p50);
    }
  }
  return times.map(median);
}

function print(name: string, cells: readonly string[], last: string): void {
  const line = [name.padEnd(WIDTH), ...[...cells, last].map((cell) => cell.padStart(10))];
  process.stdout.write(`${line.join(' ')}\n`);
}
