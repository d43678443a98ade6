import { encodeCursor } from '../../src/database/keyset.js';
import { type Case, expect } from './cases.js';
import { type Caller, ROLES_OF, type Viewer } from './growth-rows.js';
import { AGE_DAYS } from './growth-rows.sql.js';

/** A case of the tables that have grown, for one caller. */
export interface GrowthCase extends Case {
  viewer: Caller;
  /** Path of the list, if the case reads one. */
  path?: string;
  /** Whether the response contains a total: its time grows with the number of rows, up to 10,000. */
  counts?: boolean;
}

/** Number of claims of one round: this many tasks are inserted before it, so that the table keeps its size. */
const CLAIMS = 50;
const DAY_MS = 86_400_000;
/** Equal in all processes of a run: the names of cases contain times. */
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const A_DAY_AGO = new Date(TODAY - DAY_MS).toISOString();
const MIDDLE = new Date(TODAY - (AGE_DAYS / 2) * DAY_MS).toISOString().replace('Z', '000Z');

/** The filters of each list. Each one is measured alone, for each caller. */
export const FILTERS = {
  tasks: [
    ...['pending', 'active', 'completed', 'failed', 'dead', 'cancelled', 'expired'].map(withStatus),
    ...['task_type=common', 'task_type=rare', 'from_role=role_1', 'from_role=role_40'],
    ...['to_role=role_1', 'to_role=role_40', 'to_role=role_1&status=dead'],
    ...['to_role=role_1&status=pending', `created_since=${A_DAY_AGO}`],
    ...['claimed_by=me', 'claimed_by=me&status=active', 'claimed_by=me&status=expired'],
  ],
  sessions: [
    ...['pending', 'active', 'completed', 'failed', 'expired'].map(withStatus),
    ...['role=role_1', 'role=role_40'],
    ...['claimed_by=me', 'claimed_by=me&status=active', 'claimed_by=me&status=expired'],
  ],
  approvals: [
    ...['pending', 'approved', 'rejected', 'expired', 'withdrawn'].map(withStatus),
    ...['approver_role=role_1', 'approver_role=role_40', 'waiting_for=me', 'asked_by=me'],
  ],
  'audit/events': [
    ...['event_type=task_routed', 'event_type=task_cancelled', 'role=role_1', 'role=role_40'],
    `from=${A_DAY_AGO}`,
  ],
};
export type List = keyof typeof FILTERS;

/** The row after which the second half of a list begins. */
const HALF = { at: MIDDLE, id: '00000000-0000-0000-0000-000000000000' };
export const MIDDLES: Record<List, string> = {
  tasks: encodeCursor('tasks', HALF),
  sessions: encodeCursor('sessions', HALF),
  approvals: encodeCursor('approvals', HALF),
  'audit/events': encodeCursor('events', HALF),
};

/** SQL for values of filters. */
const OLD_TASKS = `SELECT id FROM tasks WHERE to_role = 'role_1' ORDER BY created_at LIMIT 100`;
const OLD_TRACES = `SELECT trace_id FROM tasks WHERE to_role = 'role_1' ORDER BY created_at LIMIT 100`;
const MIDDLE_POSITION = 'SELECT last_position / 2 FROM event_log_head';

export const GROWTH_CASES: Record<string, GrowthCase> = {
  ...Object.fromEntries(listCases()),
  ...Object.fromEntries(otherCases()),
  'inbox of a type': reading('much', '/tasks?to_role=role_1&status=pending&task_type=rare'),
  'inbox of a requester': reading('much', '/tasks?to_role=role_1&status=pending&from_role=role_2'),
  claim: claiming('much', {}, 200),
  'claim of a type': claiming('much', { task_types: ['claimed'] }, 200),
  'claim of a missing type': claiming('much', { task_types: ['none'] }, 204),
  'empty claim beside scheduled tasks': {
    viewer: 'scheduled',
    act: async (send) => {
      expect(204, await send('POST', '/tasks/claim', { body: {} }));
    },
  },
  'wait beside scheduled tasks': {
    viewer: 'scheduled',
    act: async (send) => {
      expect(204, await send('GET', '/tasks/wait?wait_seconds=0'));
    },
  },
  'claim beside scheduled tasks': claiming('scheduled', {}, 200),
  'claim of a type beside scheduled tasks': claiming('scheduled', { task_types: ['claimed'] }, 200),
};

function withStatus(status: string): string {
  return `status=${status}`;
}

function* listCases(): Generator<[string, GrowthCase]> {
  for (const viewer of Object.keys(ROLES_OF) as Viewer[]) {
    for (const list of Object.keys(FILTERS) as List[]) {
      const counts = list === 'sessions';
      yield [`${viewer}: ${list}`, { ...reading(viewer, `/${list}`), counts }];
      const middle = `cursor=${MIDDLES[list]}`;
      yield [`${viewer}: ${list} from the middle`, reading(viewer, `/${list}?${middle}`)];
      for (const filter of FILTERS[list]) {
        yield [
          `${viewer}: ${list} ${filter}`,
          { ...reading(viewer, `/${list}?${filter}`), counts },
        ];
      }
    }
  }
}

/** Lists of one task or trace, deep pages, and the event log. */
function* otherCases(): Generator<[string, GrowthCase]> {
  for (const viewer of Object.keys(ROLES_OF) as Viewer[]) {
    for (const list of ['sessions', 'approvals', 'audit/events'])
      yield [
        `${viewer}: ${list} task_id`,
        readingEach(viewer, `/${list}?task_id=task-`, OLD_TASKS),
      ];
    for (const list of ['tasks', 'audit/events'])
      yield [`${viewer}: ${list} trace_id`, readingEach(viewer, `/${list}?trace_id=`, OLD_TRACES)];
    for (const types of ['', 'types=task.cancelled&'])
      yield [
        `${viewer}: events ${types}`,
        readingEach(viewer, `/events?${types}after=`, MIDDLE_POSITION),
      ];
    yield [
      `${viewer}: sessions of a deep page`,
      { ...reading(viewer, '/sessions?page_size=20&page=500'), counts: true },
    ];
  }
}

function reading(viewer: Viewer, path: string): GrowthCase {
  return {
    viewer,
    path,
    act: async (send) => {
      expect(200, await send('GET', path));
    },
  };
}

/** A list of which the last parameter is a value from the tables. */
function readingEach(viewer: Viewer, path: string, values: string): GrowthCase {
  return {
    viewer,
    prepare: async (db) => {
      const { rows } = await db.query<{ value: string }>(
        `SELECT value::text FROM (${values}) v(value)`,
      );
      return rows.map(({ value }) => value);
    },
    act: async (send, value) => {
      expect(200, await send('GET', `${path}${value}`));
    },
  };
}

function claiming(viewer: 'much' | 'scheduled', body: object, status: number): GrowthCase {
  const role = viewer === 'much' ? 'role_1' : 'scheduled';
  return {
    viewer,
    prepare: async (db) => {
      await db.query(TO_CLAIM, [CLAIMS, role]);
      return Array<string>(CLAIMS).fill('');
    },
    usesUp: true,
    act: async (send) => {
      expect(status, await send('POST', '/tasks/claim', { body: { role, ...body } }));
    },
  };
}

/** High priority, so that these tasks are claimed and not those of the table. */
const TO_CLAIM = `
  WITH routed AS (
    INSERT INTO tasks (id, task_type, description, from_role, to_role, trace_id, idempotency_key, created_by)
    SELECT gen_random_uuid(), 'claimed', 'bench', 'role_2', $2::text, gen_random_uuid(), gen_random_uuid(), 'bench'
      FROM generate_series(1, $1::integer)
    RETURNING id, trace_id
  )
  INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, attempt, attempts_left, priority)
  SELECT gen_random_uuid(), $2::text, id, 'pending', trace_id, 'bench', 1, 2, 2 FROM routed`;
