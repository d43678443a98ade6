import { describe, expect, it } from '@jest/globals';
import { chaosSeed } from '../../support/random.js';
import { runUpgrade } from '../../support/rolling-upgrade.js';

describe('a rolling upgrade from the previous release', () => {
  const seed = chaosSeed();

  it(`violates no invariant under load (CHAOS_SEED=${seed} repeats the run)`, async () => {
    const { violations, ...report } = await runUpgrade({ seed, seconds: 3 });
    process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`);
    expect({ seed, violations }).toEqual({ seed, violations: [] });
    expect(report.migrations).toBeGreaterThan(0);
    expect(report.operations).toBeGreaterThan(20);
    expect(report.reads).toBeGreaterThan(10);
  }, 180_000);
});
