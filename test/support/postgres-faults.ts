import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { withClient } from './catalog.js';
import type { Load } from './load.js';
import { eventually } from './eventually.js';
import type { TestPostgres } from './postgres.js';
import type { TcpProxy } from './tcp-proxy.js';

/** Where a fault strikes. */
export interface Place {
  postgres: TestPostgres;
  databaseUrl: string;
  /** Between the controller and Postgres. */
  proxy: TcpProxy;
}

/** Strikes, waits until the load has felt it, and takes it back. */
export type PostgresFault = (place: Place, load: Load) => Promise<void>;

/** What happens to every task that is routed; changed without a lock on the table. */
const BODIES = {
  nothing: '',
  storm: `IF random() < 0.8 THEN
            RAISE EXCEPTION 'stormy'
              USING ERRCODE = CASE WHEN random() < 0.5 THEN '40001' ELSE '40P01' END;
          END IF;`,
  sleep: 'PERFORM pg_sleep(20);',
} as const;

const meddle = (body: keyof typeof BODIES): string =>
  `CREATE OR REPLACE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN ${BODIES[body]} RETURN NEW; END $$`;

/** Lets faults meddle with tasks that are routed. */
export const MEDDLER = `
  ${meddle('nothing')};
  CREATE TRIGGER tasks_meddle BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION meddle()`;

const TERMINATE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
   WHERE application_name = 'agent-mesh-controller'`;

/** Waits until so many more requests were refused. */
async function felt(load: Load, refusals = 8): Promise<void> {
  const wanted = load.refused + refusals;
  await eventually(
    () => load.refused,
    (refused) => refused >= wanted,
  );
}

async function whileMeddling(
  { databaseUrl }: Place,
  load: Load,
  body: keyof typeof BODIES,
): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query(meddle(body));
    try {
      await felt(load);
    } finally {
      await client.query(meddle('nothing'));
    }
  });
}

/** Crashes, stays away for so many milliseconds, and comes back. */
export const downFor =
  (ms: number): PostgresFault =>
  async ({ postgres }, load) => {
    postgres.kill('SIGQUIT'); // an immediate shutdown: no checkpoint, no goodbye
    await felt(load);
    await sleep(ms);
    await postgres.restart();
  };

export const POSTGRES_FAULTS: Record<string, PostgresFault> = {
  'crashes and is away for two seconds': downFor(2_000),

  'ends every connection, idle and in the middle of transactions, ten times': async ({
    databaseUrl,
  }) => {
    await withClient(databaseUrl, async (client) => {
      for (let round = 0; round < 10; round += 1) {
        await client.query(TERMINATE);
        await sleep(50);
      }
    });
  },

  'holds a lock for so long that statements time out and the pool is exhausted': async (
    { databaseUrl },
    load,
  ) => {
    await withClient(databaseUrl, async (client) => {
      await client.query('BEGIN; LOCK TABLE tasks IN EXCLUSIVE MODE');
      await felt(load, 30);
      await client.query('ROLLBACK');
    });
  },

  'reports deadlocks and serialization failures most of the time': (place, load) =>
    whileMeddling(place, load, 'storm'),

  'takes too long for a statement': (place, load) => whileMeddling(place, load, 'sleep'),

  'becomes read-only': async ({ postgres, databaseUrl }, load) => {
    const name = pg.escapeIdentifier(new URL(databaseUrl).pathname.slice(1));
    await withClient(postgres.url, async (client) => {
      await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
      await client.query(TERMINATE);
      await felt(load);
      await client.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
    });
  },

  'takes connections and answers nothing': async ({ proxy }, load) => {
    proxy.silent = true;
    await felt(load, 16);
    proxy.silent = false;
  },
};
