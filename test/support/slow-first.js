import Sequencer from '@jest/test-sequencer';

/** What takes longest, the slowest first. */
const SLOW = [
  'e2e/chaos',
  'integration/embedded-postgres-kills',
  'e2e/two-processes',
  'integration/embedded-postgres',
  'e2e/work-model',
  'e2e/approvals-model',
  'e2e/idempotency-races',
  'e2e/policy-matrix',
  'e2e/postgres-faults',
  'e2e/approvals-races',
  'e2e/boot',
  'e2e/idempotency-redis',
  'e2e/work-races',
  'integration/redis',
  'e2e/idempotency-script',
  'e2e/shutdown',
  'e2e/idempotency-records',
  'e2e/mcp-stdio',
  'e2e/mcp-tools',
];

/**
 * Begins with what takes longest, so that no worker is left with it when the others have nothing more to do. Jest does
 * so by itself only where it ran before; elsewhere it goes by the sizes of files.
 */
export default class SlowFirst extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests);
    const rank = new Map(sorted.map((test) => [test, rankOf(test)]));
    return sorted.sort((one, other) => rank.get(one) - rank.get(other));
  }
}

function rankOf({ path }) {
  const rank = SLOW.findIndex((name) => path.endsWith(`/test/${name}.spec.ts`));
  return rank < 0 ? SLOW.length : rank;
}
