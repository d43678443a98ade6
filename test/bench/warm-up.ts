import { type Bench, sample } from './rounds.js';
import type { System } from './systems.js';

const ROUND_SECONDS = 1;
const FEWEST_ROUNDS = 8;
const MOST_ROUNDS = 40;
/** After so many requests V8 has compiled the code of a case: the CPU time per request no longer falls. */
const ENOUGH_REQUESTS = 10_000;

/**
 * Warms up all systems for a case, in rounds that alternate like those that are measured. If each were warmed up as a whole
 * before the next one, the first would be idle meanwhile: V8 discards code that is not used, and the first rounds of the
 * first system would measure the compiler.
 */
export async function warmUp(
  bench: Bench,
  systems: readonly System[],
  name: string,
): Promise<void> {
  const tokens = bench.ground.tokens(16);
  const requests = systems.map(() => 0);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    if (round >= FEWEST_ROUNDS && Math.min(...requests) >= ENOUGH_REQUESTS) return;
    for (const [n, system] of systems.entries()) {
      const { count } = await sample(bench, system, name, tokens, ROUND_SECONDS);
      requests[n] = (requests[n] ?? 0) + count;
    }
  }
}
