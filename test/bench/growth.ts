import { GROWTH_CASES } from './growth-cases.js';
import { median } from './group.js';
import { type Load, sample } from './rounds.js';
import { type Ground, System } from './systems.js';

const SIZES = [1_000, 100_000, 1_000_000];
const MOST = 1.5;
const SECONDS = 0.5;
const ROUNDS = 9;
const WIDTH = 38;

/**
 * How much slower an answer gets as tables grow: one controller for each size, asked in turn, on one connection.
 * Gives whether every answer takes at most 1.5 times as long on one size as on another.
 */
export async function growth(
  ground: Ground,
  load: Load,
  cases = Object.keys(GROWTH_CASES),
): Promise<boolean> {
  const systems: System[] = [];
  try {
    for (const size of SIZES) systems.push(await System.grown(ground, size));
    print('median ms at', SIZES.map(String), 'most/least');
    let isKept = true;
    for (const name of cases) {
      const times = systems.map((): number[] => []);
      // The first two rounds warm up.
      for (let round = -2; round < ROUNDS; round += 1) {
        for (const [n, system] of systems.entries()) {
          const { p50 } = await sample({ ground, load }, system, name, ground.tokens(1), SECONDS);
          if (round >= 0) times[n]?.push(p50);
        }
      }
      const medians = times.map(median);
      const ratio = Math.max(...medians) / Math.min(...medians);
      isKept &&= ratio <= MOST;
      print(
        name,
        medians.map((ms) => ms.toFixed(2)),
        ratio.toFixed(2),
      );
    }
    return isKept;
  } finally {
    await Promise.all(systems.map((system) => system.stop()));
  }
}

function print(name: string, cells: readonly string[], last: string): void {
  const line = [name.padEnd(WIDTH), ...[...cells, last].map((cell) => cell.padStart(10))];
  process.stdout.write(`${line.join(' ')}\n`);
}
