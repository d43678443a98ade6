import type { Client } from 'pg';

/** What an agent is answered with. */
export interface Answer {
  status: number;
  body: string;
}

/** Sends one request of an agent, and gives what it is answered with. */
export interface Send {
  (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    more?: { body?: unknown; key?: string },
  ): Promise<Answer>;
  /** Which of the agents it is. */
  readonly agent: number;
}

/** Something that agents do, measured. */
export interface Case {
  /** Puts rows into a database before a round; gives what the round goes through, one for each act. */
  prepare?: (db: Client, seconds: number) => Promise<string[]>;
  /** Whether what was prepared may be used once only: the round ends where it is used up. */
  usesUp?: boolean;
  /** What each agent does with all that was prepared before the clock starts. */
  begin?: (send: Send, given: string) => Promise<void>;
  act: (send: Send, given: string) => Promise<void>;
}

/** The roles of every agent here; the first one is the role that it acts for. */
export const ROLES = ['finance', 'manager', 'reviewer', 'worker'] as const;

const ROUTED = {
  target: 'manager',
  task: { task_type: 'budget_approval', description: 'bench', data: { amount: 50_000 } },
};
/** More than any system here answers in a second. */
const MOST_PER_SECOND = 2_500;

export const CASES: Record<string, Case> = {
  route: {
    act: async (send) => {
      expect(202, await send('POST', '/tasks/route', { body: ROUTED }));
    },
  },
  'route with key': {
    act: async (send) => {
      const key = crypto.randomUUID();
      expect(202, await send('POST', '/tasks/route', { body: ROUTED, key }));
    },
  },
  replay: {
    prepare: () => Promise.resolve(Array.from({ length: 4 }, () => crypto.randomUUID())),
    begin: async (send, given) => {
      expect(202, await send('POST', '/tasks/route', { body: ROUTED, key: keyOf(send, given) }));
    },
    act: async (send, given) => {
      expect(200, await send('POST', '/tasks/route', { body: ROUTED, key: keyOf(send, given) }));
    },
  },
  'get session': {
    prepare: (db) => ids(db, `SELECT id FROM sessions WHERE role = 'reviewer' LIMIT 1000`),
    act: async (send, id) => {
      expect(200, await send('GET', `/sessions/${id}`));
    },
  },
  inbox: {
    act: async (send) => {
      expect(200, await send('GET', '/tasks?to_role=reviewer&status=pending'));
    },
  },
  'claim and complete': {
    prepare: (db, seconds) =>
      ids(db, `SELECT session_id AS id FROM bench_tasks('worker', $1)`, seconds * MOST_PER_SECOND),
    usesUp: true,
    act: async (send) => {
      const claimed = await send('POST', '/tasks/claim', { body: { role: 'worker' } });
      expect(200, claimed);
      const { session } = JSON.parse(claimed.body) as { session: { id: string } };
      expect(200, await send('PUT', `/sessions/${session.id}`, { body: { status: 'completed' } }));
    },
  },
  transition: {
    prepare: (db, seconds) =>
      ids(db, `SELECT id FROM bench_sessions('manager', $1)`, seconds * MOST_PER_SECOND),
    usesUp: true,
    act: async (send, id) => {
      expect(200, await send('PUT', `/sessions/${id}`, { body: { status: 'active' } }));
    },
  },
};

/** Agents have keys of their own, as they make them up at random. */
function keyOf({ agent }: Send, given: string): string {
  return `${given}-${agent}`;
}

/**
 * What all cases find: a role with a thousand tasks to do, and a thousand keys that were used; and what `prepare` calls.
 * A table that PostgreSQL has found empty it reads from end to end, until it hears within a minute that it is not.
 */
export const FIXTURES = `
  CREATE FUNCTION bench_tasks(for_role text, count integer) RETURNS TABLE (session_id uuid) LANGUAGE sql AS $$
    WITH routed AS (
      INSERT INTO tasks (id, task_type, description, from_role, to_role, data, trace_id, idempotency_key, created_by)
      SELECT gen_random_uuid(), 'budget_approval', 'bench', 'finance', for_role, '{"amount": 50000}',
             gen_random_uuid(), gen_random_uuid(), 'bench'
        FROM generate_series(1, count)
      RETURNING id, trace_id
    )
    INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, attempt, attempts_left)
    SELECT gen_random_uuid(), for_role, id, 'pending', trace_id, 'bench', 1, 2 FROM routed
    RETURNING id
  $$;
  CREATE FUNCTION bench_sessions(for_role text, count integer) RETURNS TABLE (id uuid) LANGUAGE sql AS $$
    INSERT INTO sessions (id, role, status, trace_id, created_by)
    SELECT gen_random_uuid(), for_role, 'pending', gen_random_uuid(), 'bench' FROM generate_series(1, count)
    RETURNING id
  $$;
  SELECT count(*) FROM bench_tasks('reviewer', 1000);
  INSERT INTO idempotency_records
    (scope, fingerprint, caller, key, method, path, response_status, response_body, generation, created_at, expires_at)
  SELECT sha256(n::text::bytea), sha256('bench'), 'bench', n::text, 'POST', '/tasks/route', 202, '{}', 1, now(),
         now() + interval '1 day'
    FROM generate_series(1, 1000) AS n;
`;

async function ids(db: Client, text: string, count?: number): Promise<string[]> {
  const values = count === undefined ? [] : [Math.ceil(count)];
  const { rows } = await db.query<{ id: string }>(text, values);
  return rows.map(({ id }) => id);
}

export function expect(status: number, answer: Answer): void {
  if (answer.status !== status) throw new Error(`answered ${answer.status}: ${answer.body}`);
}
