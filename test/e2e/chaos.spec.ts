import { describe, expect, it } from '@jest/globals';
import { runChaos } from '../support/chaos.js';
import { BROKEN_BUILDS, type BrokenBuild } from '../support/controller-faults.js';
import { chaosSeed } from '../support/random.js';

const SECONDS = 20;

describe('a mesh under faults', () => {
  const seed = chaosSeed();

  it(
    `keeps its promises for ${SECONDS} s (CHAOS_SEED=${seed} plays it again)`,
    async () => {
      const { violations, ...report } = await runChaos({ seed, seconds: SECONDS, operations: 100 });
      process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
      expect(report.operations).toBeGreaterThan(20);
    },
    SECONDS * 1000 + 120_000,
  );
});

describe('the checker of that', () => {
  const seed = chaosSeed();

  const SIGNS: Record<BrokenBuild, readonly string[]> = {
    'no-lock': ['stored at most once'],
    'no-record': ['stored at most once'],
    'ignore-commit-tag': ['acknowledged is stored', 'what is stored is what was told'],
  };

  it.each(BROKEN_BUILDS)(
    'finds the fault of a controller with %s',
    async (broken) => {
      const { violations } = await runChaos({
        seed,
        broken,
        seconds: 2,
        operations: 100,
        storms: 1,
        faults: ['kill', 'meddleWithCommits'],
      });
      const rules = violations.map(({ rule }) => rule);
      expect(rules.filter((rule) => SIGNS[broken].includes(rule))).not.toEqual([]);
    },
    120_000,
  );
});
