import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import type { TestApp } from './app.js';
import type { EventPage } from './audit.js';

/** Tests that a reader of the audit log receives the events of transactions that commit late, each once. */
export function itListsLateEvents(mesh: TestApp): void {
  const writers: pg.Client[] = [];
  let trace: string;

  beforeEach(() => {
    trace = randomUUID();
  });

  afterEach(async () => {
    await Promise.all(writers.splice(0).map((writer) => writer.end()));
  });

  /** Begins a transaction of its own. */
  async function begin(): Promise<pg.Client> {
    const writer = new pg.Client({ connectionString: mesh.databaseUrl });
    writers.push(writer);
    await writer.connect();
    await writer.query('BEGIN');
    return writer;
  }

  /** Inserts events named `name`, and `name` followed by a number if there are several. */
  async function insert(db: pg.Client, name: string, count = 1): Promise<void> {
    await db.query(
      `INSERT INTO audit_events (id, event_type, role, actor, trace_id)
       SELECT gen_random_uuid(), $1 || CASE WHEN $2 = 1 THEN '' ELSE n::text END, 'finance', 'tester', $3
         FROM generate_series(1, $2::integer) n`,
      [name, count, trace],
    );
  }

  async function commit(name: string, count = 1): Promise<void> {
    const writer = await begin();
    await insert(writer, name, count);
    await writer.query('COMMIT');
  }

  interface Page {
    names: string[];
    next: string | null;
  }

  async function read(cursor: string | null, page_size = 1): Promise<Page> {
    const query = new URLSearchParams({ trace_id: trace, page_size: String(page_size) });
    if (cursor !== null) query.set('cursor', cursor);
    const { status, body } = await mesh
      .agent('auditor')
      .get<EventPage>(`/audit/events?${query.toString()}`);
    expect(status).toBe(200);
    expect(body.events.length).toBeLessThanOrEqual(page_size);
    return { names: body.events.map(({ event_type }) => event_type), next: body.next_cursor };
  }

  /** Reads all pages after a cursor. */
  async function readRest(cursor: string | null, page_size = 1): Promise<string[]> {
    const names: string[] = [];
    for (let next = cursor; next !== null;) {
      const page = await read(next, page_size);
      names.push(...page.names);
      next = page.next;
    }
    return names;
  }

  it('returns an event of a transaction that was open at an earlier page', async () => {
    const late = await begin();
    await insert(late, 'late');
    await commit('first');
    await commit('second');

    const page = await read(null);
    await late.query('COMMIT');

    expect(page.names).toEqual(['first']);
    expect(await readRest(page.next)).toEqual(['late', 'second']);
  });

  it('returns it after a page that was read when no later transaction had ended', async () => {
    const earlier = await begin();
    await insert(earlier, 'first');
    const late = await begin();
    await insert(late, 'late');
    await insert(earlier, 'second');
    await insert(earlier, 'third');
    await earlier.query('COMMIT');

    const page = await read(null, 2);
    await late.query('COMMIT');

    expect(page.names).toEqual(['first', 'second']);
    expect(await readRest(page.next)).toEqual(['late', 'third']);
  });

  it('returns it when its transaction began, but had written nothing, at the earlier page', async () => {
    const late = await begin();
    await late.query('SELECT now()');
    await commit('first');
    await commit('second');

    const page = await read(null);
    await insert(late, 'late');
    await late.query('COMMIT');

    expect(page.names).toEqual(['first']);
    expect(await readRest(page.next)).toEqual(['second', 'late']);
  });

  it('returns it on each later page as long as it is not read, and only once', async () => {
    const late = await begin();
    await insert(late, 'late');
    await commit('first');
    await commit('second');
    await commit('third');
    await commit('fourth');

    const first = await read(null);
    const second = await read(first.next);
    await late.query('COMMIT');

    expect([...first.names, ...second.names]).toEqual(['first', 'second']);
    expect(await readRest(second.next)).toEqual(['late', 'third', 'fourth']);
    expect(await readRest(first.next)).toEqual(['late', 'second', 'third', 'fourth']);
  });

  it('returns no event of a transaction that was rolled back', async () => {
    const late = await begin();
    await insert(late, 'late');
    await commit('first');
    await commit('second');

    const page = await read(null);
    await late.query('ROLLBACK');

    expect(await readRest(page.next)).toEqual(['second']);
  });

  it('returns more late events than fit into a page, each once', async () => {
    const [one, two, three] = [await begin(), await begin(), await begin()];
    await insert(three, 'three', 3);
    await insert(one, 'one', 5);
    await insert(two, 'two', 4);
    await commit('first');
    await commit('last');

    const start = await read(null);
    await two.query('COMMIT');
    const next = await read(start.next, 2);
    await three.query('COMMIT');
    await one.query('COMMIT');
    const names = [...start.names, ...next.names, ...(await readRest(next.next, 2))];

    expect(names.length).toBe(14);
    expect(new Set(names).size).toBe(14);
  });

  it('accepts the cursors of earlier versions', async () => {
    await commit('first');
    await commit('second');
    const { next } = await read(null);
    const [keyset = ''] = (next ?? '').split('.');

    expect(await readRest(keyset)).toEqual(['second']);
  });

  it('returns every event to a reader that follows twelve concurrent writers', async () => {
    const TRANSACTIONS = 15;
    const seen: string[] = [];
    let open = 12;
    const write = async (writer: number): Promise<void> => {
      const db = await begin();
      for (let n = 0; n < TRANSACTIONS; n += 1) {
        await insert(db, `w${writer}.${n}.`, 2);
        await db.query('SELECT pg_sleep($1)', [Math.random() * 0.03]);
        await db.query(n % 7 === 3 ? 'ROLLBACK' : 'COMMIT');
        await db.query('BEGIN');
      }
      open -= 1;
    };
    const follow = async (): Promise<void> => {
      let cursor: string | null = null;
      for (let isOver = false; !isOver;) {
        isOver = open === 0;
        for (let next: string | null = cursor; ; cursor = next) {
          const page = await read(next, 7);
          seen.push(...page.names);
          next = page.next;
          if (next === null) break;
        }
      }
    };

    await Promise.all([...Array.from({ length: 12 }, (_, n) => write(n)), follow()]);

    const stored = await mesh.query<{ event_type: string }>(
      `SELECT event_type FROM audit_events WHERE trace_id = $1`,
      [trace],
    );
    expect(stored.length).toBe(12 * 13 * 2);
    expect(stored.filter(({ event_type }) => !seen.includes(event_type))).toEqual([]);
  });
}
