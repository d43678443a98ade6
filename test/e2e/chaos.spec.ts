import { describe, expect, it } from '@jest/globals';
import { runChaos } from '../support/chaos.js';
import { BROKEN_BUILDS, type BrokenBuild } from '../support/controller-faults.js';
import { chaosSeed } from '../support/random.js';

const SECONDS = 20;
const ROUNDS = 4;

describe('the controller under faults', () => {
  const seed = chaosSeed();

  it(
    `violates no invariant for ${SECONDS} s (CHAOS_SEED=${seed} repeats the run)`,
    async () => {
      const { violations, ...report } = await runChaos({ seed, seconds: SECONDS, operations: 100 });
      process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
      expect(report.operations).toBeGreaterThan(20);
    },
    SECONDS * 1000 + 180_000,
  );
});

describe('the check of histories', () => {
  const seed = chaosSeed();

  const SIGNS: Record<BrokenBuild, readonly string[]> = {
    'unguarded-records': ['stored at most once'],
    'no-record': ['stored at most once'],
    'ignore-commit-tag': ['acknowledged is stored', 'what is stored is what was told'],
    'untold-claims': ['versions without gaps', 'acknowledged is stored'],
  };

  it.each(BROKEN_BUILDS)(
    'finds the fault of the build %s',
    async (broken) => {
      const signs: string[] = [];
      // A fault may have no occasion to show in one short run.
      for (let round = 0; round < ROUNDS && signs.length === 0; round += 1) {
        const { violations } = await runChaos({
          seed: seed + round,
          broken,
          seconds: 3,
          operations: 30,
          storms: 1,
          settle: 1_000,
          faults: broken === 'ignore-commit-tag' ? ['meddleWithCommits'] : [],
        });
        const rules = violations.map(({ rule }) => rule);
        signs.push(...rules.filter((rule) => SIGNS[broken].includes(rule)));
      }
      expect(signs).not.toEqual([]);
    },
    240_000,
  );
});
