import { describe, expect, it } from '@jest/globals';
import { runChaos } from '../support/chaos.js';
import { chaosSeed } from '../support/random.js';

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 600);

describe('a mesh under faults for long', () => {
  const seed = chaosSeed();

  it(
    `keeps its promises for ${SECONDS} s (CHAOS_SEED=${seed} plays it again)`,
    async () => {
      const options = { seed, seconds: SECONDS, clients: 16, pause: 50 };
      const { violations, ...report } = await runChaos(options);
      process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    },
    SECONDS * 1000 + 180_000,
  );
});
