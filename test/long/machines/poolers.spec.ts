import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrate } from '../../../src/database/migrate.js';
import { withClient } from '../../support/catalog.js';
import type { ControllerProcess } from '../../support/controller-process.js';
import { documentedSettings } from '../../support/documented-blocks.js';
import { runHistory, untilReady } from '../../support/history-run.js';
import {
  findPgBouncer,
  findTrackingPgBouncer,
  PgBouncer,
  TRACKING,
} from '../../support/pgbouncer.js';
import {
  createTestDatabase,
  startTestPostgres,
  type TestPostgres,
} from '../../support/postgres.js';
import { chaosSeed } from '../../support/random.js';

const PHASE_MS = 10_000;
const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()`;

/** With the configuration of docs/operations/high-availability.md, once with and once without tracking. */
describe('PgBouncer in transaction mode, under load', () => {
  const seed = chaosSeed();
  const { max_prepared_statements = '', ...settings } = documentedSettings(
    'docs/operations/high-availability.md',
    'pool_mode',
  );
  let postgres: TestPostgres;

  beforeAll(async () => {
    postgres = await startTestPostgres();
  });

  afterAll(() => postgres.stop());

  it.each([
    ['without prepared statements', false],
    ['with prepared statements', true],
  ])(
    '%s: its connections break, and each request has one effect',
    async (_, isTracking) => {
      const program = await (isTracking ? findTrackingPgBouncer() : findPgBouncer());
      const tracking = {
        ...(isTracking && { max_prepared_statements }),
        ...(!isTracking && program.version >= TRACKING && { max_prepared_statements: '0' }),
      };
      const databaseUrl = await createTestDatabase(postgres.url);
      await migrate(databaseUrl);
      const bouncer = await PgBouncer.start(postgres.url, { ...settings, ...tracking }, program);
      const pooledUrl = bouncer.url(databaseUrl);
      const logged = new Set<boolean>();
      let prepared = 0;
      try {
        const { violations, ...report } = await runHistory({
          seed,
          env: { DATABASE_URL: pooledUrl, DATABASE_DIRECT_URL: databaseUrl },
          during: async (controllers) => {
            await sleep(PHASE_MS);
            prepared = await countPrepared(pooledUrl);
            await withClient(databaseUrl, (client) => client.query(TERMINATE));
            await sleep(PHASE_MS);
            await untilReady(controllers);
            for (const controller of controllers) logged.add(isUntracked(controller));
          },
          result: () => databaseUrl,
        });
        process.stderr.write(`${JSON.stringify({ seed, version: bouncer.version, ...report })}\n`);

        expect({ seed, violations }).toEqual({ seed, violations: [] });
        expect(report.acknowledged).toBeGreaterThan(50);
        expect([...logged]).toEqual([!isTracking]);
        expect(prepared > 0).toBe(isTracking);
      } finally {
        await bouncer.stop();
      }
    },
    300_000,
  );
});

function isUntracked({ output }: ControllerProcess): boolean {
  return output.includes('does not track prepared statements');
}

/** Number of statements that the controllers prepared on a connection of the pooler to the server. */
async function countPrepared(pooledUrl: string): Promise<number> {
  const { rows } = await withClient(pooledUrl, (client) =>
    client.query<{ n: number }>('SELECT count(*)::integer AS n FROM pg_prepared_statements'),
  );
  return rows[0]?.n ?? 0;
}
