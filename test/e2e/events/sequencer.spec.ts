import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { newDatabase, startTestApp, type TestApp } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { until } from '../../support/eventually.js';
import { routeTask, useApp, useTwoApps } from '../../support/kit.js';
import { dropTestDatabase } from '../../support/postgres.js';

const WRITERS = 8;
const TRANSACTIONS_PER_WRITER = 25;

const INSERT = `
  INSERT INTO audit_events (id, event_type, role, trace_id, actor, metadata)
  VALUES ($1, 'agent.test.wrote', 'finance', $2, 'test', '{}')`;

interface Position {
  position: number;
  event_id: string;
}

function positions(mesh: Pick<TestApp, 'query'>): Promise<Position[]> {
  return mesh.query<Position>(
    'SELECT position::float8 AS position, event_id FROM event_log ORDER BY position',
  );
}

/** Waits until every committed event has a position, and the sequencer has nothing left to check. */
async function untilNumbered(mesh: Pick<TestApp, 'query'>): Promise<Position[]> {
  await until(async () => {
    const [row] = await mesh.query<{ done: boolean }>(
      `SELECT h.is_backfilled AND h.low_n = CASE WHEN s.is_called THEN s.last_value ELSE 0 END
              AND NOT EXISTS (SELECT FROM audit_events e
                               WHERE NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.id)) AS done
         FROM event_log_head h, audit_events_n_seq s`,
    );
    return row?.done === true;
  }, 10_000);
  return positions(mesh);
}

describe('the sequencer of two controllers', () => {
  const [mesh] = useTwoApps({});

  it('numbers each committed event once and without gaps, whatever the order of the commits', async () => {
    const committed: string[][] = await Promise.all(
      Array.from({ length: WRITERS }, () => write(mesh.databaseUrl)),
    );
    await routeTask(mesh, 'finance', 'manager');

    const log = await untilNumbered(mesh);
    expect(log.map(({ position }) => position)).toEqual(log.map((_, index) => index + 1));
    const all = await mesh.query<{ id: string }>('SELECT id FROM audit_events');
    expect(log.map(({ event_id }) => event_id).sort()).toEqual(all.map(({ id }) => id).sort());
    const place = new Map(log.map(({ position, event_id }) => [event_id, position]));
    for (const ids of committed) {
      const own = ids.map((id) => place.get(id) ?? NaN);
      expect(own).toEqual([...own].sort((one, other) => one - other));
    }
  }, 30_000);

  it('gives an event that commits late a later position', async () => {
    const before = await untilNumbered(mesh);
    const [early, late] = [randomUUID(), randomUUID()];
    await withClient(mesh.databaseUrl, async (slow) => {
      await slow.query('BEGIN');
      await slow.query(INSERT, [late, randomUUID()]);
      await withClient(mesh.databaseUrl, (fast) => fast.query(INSERT, [early, randomUUID()]));
      await until(async () => (await positions(mesh)).length === before.length + 1, 5_000);
      await slow.query('COMMIT');
    });

    const log = await untilNumbered(mesh);
    expect(log.slice(before.length).map(({ event_id }) => event_id)).toEqual([early, late]);
  });

  it('refuses changes of positions', async () => {
    for (const change of [
      'UPDATE event_log SET position = position + 1',
      'DELETE FROM event_log',
      'TRUNCATE event_log',
    ]) {
      await expect(mesh.query(change)).rejects.toThrow('event_log is append-only');
    }
  });

  it('shows the end of the log and its lag as metrics', async () => {
    const log = await untilNumbered(mesh);
    const { text } = await mesh.agent('auditor').get('/metrics');

    expect(text).toContain(`mesh_event_log_head ${log.length}\n`);
    expect(text).toContain('mesh_event_log_lag_events 0\n');
    expect(text).toContain('mesh_event_log_lag_seconds 0\n');
  });

  /** Commits events one after the other, in transactions of random length; a tenth of them rolls back. */
  async function write(url: string): Promise<string[]> {
    const ids: string[] = [];
    await withClient(url, async (client) => {
      for (let n = 0; n < TRANSACTIONS_PER_WRITER; n += 1) {
        const id = randomUUID();
        await client.query('BEGIN');
        await client.query(INSERT, [id, randomUUID()]);
        await client.query('SELECT pg_sleep(random() * random() / 10)');
        const isKept = n % 10 !== 9;
        await client.query(isKept ? 'COMMIT' : 'ROLLBACK');
        if (isKept) ids.push(id);
      }
    });
    return ids;
  }
});

describe('the sequencer on a database with events from before the log', () => {
  it('numbers them first, in the order of their time', async () => {
    const databaseUrl = await newDatabase();
    const ids = Array.from({ length: 50 }, () => randomUUID());
    await withClient(databaseUrl, async (client) => {
      for (const [index, id] of ids.entries()) {
        await client.query(
          `INSERT INTO audit_events (id, event_type, role, trace_id, actor, timestamp, n)
           VALUES ($1, 'agent.test.wrote', 'finance', $2, 'test', now() - make_interval(mins => $3), NULL)`,
          [id, randomUUID(), 50 - index],
        );
      }
      await client.query(INSERT, [randomUUID(), randomUUID()]);
    });
    const mesh = await startTestApp({ databaseUrl });
    try {
      const log = await untilNumbered(mesh);
      expect(log).toHaveLength(51);
      expect(log.slice(0, 50).map(({ event_id }) => event_id)).toEqual(ids);
    } finally {
      await mesh.close();
      await dropTestDatabase(databaseUrl);
    }
  });
});

describe('the sequencer after a restore', () => {
  const mesh = useApp();

  it('begins an epoch when the cluster is another one, and numbers on with lower transaction ids', async () => {
    await routeTask(mesh, 'finance', 'manager');
    const before = await untilNumbered(mesh);
    await mesh.query(
      `UPDATE event_log_head SET origin = 'another cluster', barrier_tx = 9000000000000`,
    );
    await routeTask(mesh, 'finance', 'manager');

    const log = await untilNumbered(mesh);
    expect(log.map(({ position }) => position)).toEqual(log.map((_, index) => index + 1));
    const epochs = await mesh.query(
      'SELECT epoch, after_position::int AS after_position FROM event_log_epochs ORDER BY epoch',
    );
    expect(epochs).toEqual([
      { epoch: 1, after_position: 0 },
      { epoch: 2, after_position: before.length },
    ]);
    expect(await mesh.query('SELECT epoch FROM event_log_head')).toEqual([{ epoch: 2 }]);
  });
});

describe('the sequencer on a long log', () => {
  const EVENTS = 20_000;

  it('reads no table from beginning to end, whatever plan PostgreSQL keeps', async () => {
    const databaseUrl = await newDatabase();
    await withClient(databaseUrl, async (client) => {
      await client.query(
        `DO $$ BEGIN
           EXECUTE format('ALTER DATABASE %I SET plan_cache_mode = force_generic_plan', current_database());
         END $$`,
      );
      await client.query(
        `INSERT INTO audit_events (id, event_type, role, trace_id, actor, metadata)
         SELECT gen_random_uuid(), 'agent.test.wrote', 'finance', gen_random_uuid(), 'test', '{}'
           FROM generate_series(1, ${EVENTS})`,
      );
    });
    try {
      await withApp(databaseUrl, async (mesh) => {
        await until(async () => (await head(mesh)) === EVENTS);
      });
      const before = await rowsReadInScans(databaseUrl);
      await withApp(databaseUrl, async (mesh) => {
        await routeTask(mesh, 'finance', 'manager');
        await until(async () => (await head(mesh)) > EVENTS);
        await mesh.agent('auditor').get('/metrics');
        await mesh.agent('auditor').get(`/events?after=${EVENTS}&wait_seconds=2`);
      });

      expect(await rowsReadInScans(databaseUrl)).toEqual(before);
    } finally {
      await dropTestDatabase(databaseUrl);
    }
  });

  async function withApp(
    databaseUrl: string,
    use: (mesh: TestApp) => Promise<void>,
  ): Promise<void> {
    const mesh = await startTestApp({ databaseUrl });
    try {
      await use(mesh);
    } finally {
      await mesh.close();
    }
  }

  async function head(mesh: TestApp): Promise<number> {
    const [row] = await mesh.query<{ position: number }>(
      'SELECT last_position::float8 AS position FROM event_log_head',
    );
    return row?.position ?? 0;
  }

  /** Backends report what they read at the latest when they end. */
  async function rowsReadInScans(databaseUrl: string): Promise<unknown[]> {
    return withClient(databaseUrl, async (client) => {
      await until(async () => {
        const { rows } = await client.query(
          `SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
        );
        return rows.length === 0;
      });
      const { rows } = await client.query<{ relname: string; rows: number }>(
        `SELECT relname, seq_tup_read::int AS rows FROM pg_stat_user_tables
          WHERE relname IN ('audit_events', 'event_log') ORDER BY relname`,
      );
      await client.query('VACUUM ANALYZE');
      return rows;
    });
  }
});
