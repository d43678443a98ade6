import { describe, expect, it } from '@jest/globals';
import { chaosSeed } from '../support/random.js';
import { runUpgrade } from '../support/rolling-upgrade.js';

const SECONDS = Number(process.env.UPGRADE_SECONDS ?? 40);
const PHASES = 7;

describe('a rolling upgrade from the previous release, and back', () => {
  const seed = chaosSeed();

  it(
    `violates no invariant with phases of ${SECONDS} s (CHAOS_SEED=${seed} repeats the run)`,
    async () => {
      const options = { seed, seconds: SECONDS, clients: 12, goesBack: true };
      const { violations, ...report } = await runUpgrade(options);
      process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    },
    PHASES * SECONDS * 1000 + 300_000,
  );
});
