import Sequencer from '@jest/test-sequencer';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What takes longest, the slowest first. */
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
 * Begins with what takes longest, so that no worker is left with it when the others have nothing more to do. Jest does
 * so by itself only where it ran before; elsewhere it goes by the sizes of files.
 */
export default class SlowFirst extends Sequencer {
  async sort(tests) {
    const gone = SLOW.filter((path) => !existsSync(path));
    if (gone.length > 0) throw new Error(`test/support/slow-first.js: no ${gone.join(', ')}`);
    const sorted = await super.sort(tests);
    const rank = new Map(sorted.map((test) => [test, rankOf(test)]));
    return sorted.sort((one, other) => rank.get(one) - rank.get(other));
  }
}

function rankOf({ path }) {
  const rank = SLOW.indexOf(path);
  return rank < 0 ? SLOW.length : rank;
}
