import type { Client } from 'pg';
import { keysetAt, type CursorKind, toPage } from '../../src/database/keyset.js';
import { type Case, expect } from './cases.js';

/** The role that everything in a database that has grown was asked of. */
const ROLE = 'worker';
/** Of the tasks of a table that has grown. */
export const EACH_NTH_RARE = 10;
/** How many claims a round makes at most: so many tasks are put in before it, and the table stays as it was. */
const CLAIMS = 50;

/** What is asked of a table that has grown; each in the middle of what there is, but for what has a beginning only. */
export const GROWTH_CASES: Record<string, Case> = {
  'sessions after a cursor': lookingAfter('sessions', '/sessions?page_size=20'),
  'tasks after a cursor': lookingAfter('tasks', '/tasks?page_size=20'),
  inbox: looking(`/tasks?to_role=${ROLE}&status=pending`),
  'inbox after a cursor': lookingAfter('inbox', `/tasks?to_role=${ROLE}&status=pending`),
  'inbox of a type': looking(`/tasks?to_role=${ROLE}&status=pending&task_type=rare`),
  claim: claiming({}, EACH_NTH_RARE),
  'claim of a type': claiming({ task_types: ['rare'] }, 1),
  'claim of a type that is not there': {
    act: async (send) => {
      expect(
        204,
        await send('POST', '/tasks/claim', { body: { role: ROLE, task_types: ['none'] } }),
      );
    },
  },
};

/** So many tasks of the role, each with a pending attempt; each nth of them is of a rare type. */
export const GROW = `
  WITH routed AS (
    INSERT INTO tasks
      (id, task_type, description, from_role, to_role, trace_id, idempotency_key, created_by, created_at)
    SELECT uuidv7(make_interval(secs => -n / 100.0)), CASE n % $2::integer WHEN 0 THEN 'rare' ELSE 'common' END, 'bench', 'finance', '${ROLE}',
           gen_random_uuid(), gen_random_uuid(), 'bench', now() - make_interval(secs => n / 100.0)
      FROM generate_series(1, $1::integer) AS n
    RETURNING id, trace_id, created_at
  )
  INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, created_at, attempt, attempts_left)
  SELECT uuidv7(created_at - now()), '${ROLE}', id, 'pending', trace_id, 'bench', created_at, 1, 2 FROM routed`;

function looking(path: string): Case {
  return {
    act: async (send) => {
      expect(200, await send('GET', path));
    },
  };
}

/** Asks for the page that begins in the middle. */
function lookingAfter(list: keyof typeof MIDDLES, path: string): Case {
  return {
    prepare: async (db) => {
      const name = `${db.database ?? ''} ${list}`;
      const middle = middles.get(name) ?? (await middleOf(db, list));
      middles.set(name, middle);
      return [middle];
    },
    act: async (send, cursor) => {
      expect(200, await send('GET', `${path}&cursor=${cursor}`));
    },
  };
}

/** To look for them reads all there is, which would push it out of the caches before every round. */
const middles = new Map<string, string>();

/** The lists, in their orders. */
const MIDDLES = {
  sessions: { columns: 'id', table: 'sessions', order: 'created_at DESC, id DESC' },
  tasks: { columns: 'id', table: 'tasks', order: 'created_at DESC, id DESC' },
  inbox: { columns: 'id, priority AS rank', table: 'sessions', order: '-priority, created_at, id' },
} satisfies Partial<Record<CursorKind, object>>;

async function middleOf(db: Client, list: keyof typeof MIDDLES): Promise<string> {
  const { columns, table, order } = MIDDLES[list];
  const { rows } = await db.query<{ keyset_at: string; id: string; rank?: number }>(
    `SELECT ${keysetAt('created_at')} AS keyset_at, ${columns} FROM ${table}
      ORDER BY ${order} LIMIT 1 OFFSET (SELECT count(*) / 2 FROM ${table})`,
  );
  const { next_cursor } = toPage(list, { rows, isTruncated: true }, 1, ({ id, rank }) => ({
    id,
    ...(rank !== undefined && { sortRank: rank }),
  }));
  if (next_cursor === null) throw new Error('nothing there');
  return next_cursor;
}

/** Claims what there is; as much as it will claim is put in before. */
function claiming(wish: object, eachNthRare: number): Case {
  return {
    prepare: async (db) => {
      await db.query(GROW, [CLAIMS, eachNthRare]);
      return Array<string>(CLAIMS).fill('');
    },
    usesUp: true,
    act: async (send) => {
      expect(200, await send('POST', '/tasks/claim', { body: { role: ROLE, ...wish } }));
    },
  };
}
