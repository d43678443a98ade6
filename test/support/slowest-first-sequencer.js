import Sequencer from '@jest/test-sequencer';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The slowest specs, the slowest first. */
const SLOW = [
  'e2e/idempotency',
  'e2e/operation',
  'e2e/chaos',
  'e2e/two-processes',
  'e2e/http',
  'integration/embedded-postgres',
  'integration/embedded-postgres-kills',
  'e2e/work',
  'integration/database',
  'e2e/mcp',
  'e2e/approvals',
  'integration/redis',
  'e2e/routing',
].map((name) => fileURLToPath(new URL(`../${name}.spec.ts`, import.meta.url)));

/**
 * Runs the slowest specs first, so that no worker still runs one when the others are idle. Jest does so by itself only
 * with the durations of an earlier run; otherwise it sorts by file size.
 */
export default class SlowestFirstSequencer extends Sequencer {
  async sort(tests) {
    const missing = SLOW.filter((path) => !existsSync(path));
    if (missing.length > 0)
      throw new Error(`test/support/slowest-first-sequencer.js: no ${missing.join(', ')}`);
    const sorted = await super.sort(tests);
    const rank = new Map(sorted.map((test) => [test, rankOf(test)]));
    return sorted.sort((one, other) => rank.get(one) - rank.get(other));
  }
}

function rankOf({ path }) {
  const rank = SLOW.indexOf(path);
  return rank < 0 ? SLOW.length : rank;
}
