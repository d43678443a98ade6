import { describe, expect, it } from '@jest/globals';
import { failOver } from '../../support/failover.js';
import { chaosSeed } from '../../support/random.js';

const SECONDS = Number(process.env.FAILOVER_SECONDS ?? 20);

describe('A failover of PostgreSQL to its standby', () => {
  const seed = chaosSeed();

  it(
    'loses no acknowledged request with synchronous replication, and writes nothing to the former primary',
    async () => {
      const options = { seed, seconds: SECONDS, isSynchronous: true };
      const { violations, staleWrites, ...report } = await failOver(options);
      process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`);

      expect({ seed, violations }).toEqual({ seed, violations: [] });
      expect(report).toMatchObject({ lost: 0 });
      expect(report.acknowledged).toBeGreaterThan(50);
      expect(staleWrites).toBe(0);
    },
    SECONDS * 3_000 + 240_000,
  );

  it(
    'loses acknowledged requests with asynchronous replication, and writes nothing to the former primary',
    async () => {
      const options = { seed, seconds: SECONDS, isSynchronous: false };
      const { violations, staleWrites, ...report } = await failOver(options);
      process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`);

      expect(report.lost).toBeGreaterThan(0);
      expect(violations.filter(({ rule }) => rule === 'stored at most once')).toEqual([]);
      expect(staleWrites).toBe(0);
    },
    SECONDS * 3_000 + 240_000,
  );
});
