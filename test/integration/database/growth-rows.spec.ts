import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { grow } from '../../bench/growth-rows.js';
import { newDatabase, startTestApp, type TestApp } from '../../support/app.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { Team } from '../../support/work.js';

const TASKS = 400;

/** Columns that triggers set, and the tables that they fill. */
const DERIVED: Record<string, string> = {
  sessions: 'id, task_type, from_role, task_created_at, task_status, queued_at',
  audit_events: 'id, from_role, to_role',
  task_approvers: '*',
  approver_sessions: '*',
  approval_readers: '*',
  audit_event_readers: '*',
};

const UNSET = { from_role: null, task_created_at: null, task_status: null };
/** Values before the end of an attempt, and before a decision. */
const OPEN = { status: 'pending', ended_reason: null, retryable: null };
const UNDECIDED = { status: 'pending', decision_at: null, decided_by: null, decided_by_kind: null };

type Row = Record<string, unknown>;

describe('the rows of the growth benchmark', () => {
  let mesh: TestApp;
  let grown: pg.Client;
  let written: pg.Client;
  const urls: string[] = [];

  async function connect(): Promise<pg.Client> {
    const url = await newDatabase();
    urls.push(url);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client;
  }

  beforeAll(async () => {
    [mesh, grown, written] = await Promise.all([startTestApp(), connect(), connect()]);
    await grow(grown, TASKS);
  });

  afterAll(async () => {
    await Promise.all([mesh.close(), grown.end(), written.end()]);
    await Promise.all(urls.map(dropTestDatabase));
  });

  const rowsIn = async (client: pg.Client, table: string, order: string): Promise<Row[]> => {
    const { rows } = await client.query<{ row: Row }>(
      `SELECT to_jsonb(r) AS row FROM ${table} r ORDER BY ${order}`,
    );
    return rows.map(({ row }) => row);
  };

  const write = async (table: string, rows: readonly Row[]): Promise<void> => {
    await written.query(
      `INSERT INTO ${table} SELECT * FROM jsonb_populate_recordset(NULL::${table}, $1)`,
      [JSON.stringify(rows)],
    );
  };

  const update = async (table: string, rows: readonly Row[], members: Row): Promise<void> => {
    const columns = Object.keys(members).join(', ');
    await written.query(
      `UPDATE ${table} t SET (${columns}) = (SELECT ${columns.replace(/\w+/g, 'r.$&')})
         FROM jsonb_populate_recordset(NULL::${table}, $1) r WHERE r.id = t.id`,
      [JSON.stringify(rows)],
    );
  };

  it('have the list columns and tables that the triggers write', async () => {
    await write('tasks', await rowsIn(grown, 'tasks', 'id'));
    const sessions = await rowsIn(grown, 'sessions', 'attempt');
    for (const attempt of [1, 2]) {
      const attempts = sessions.filter((row) => row.attempt === attempt);
      await write(
        'sessions',
        attempts.map((row) => ({ ...row, ...UNSET, ...OPEN })),
      );
      await update('sessions', attempts, OPEN);
    }
    const approvals = await rowsIn(grown, 'approvals', 'id');
    await write(
      'approvals',
      approvals.map((row) => ({ ...row, ...UNDECIDED })),
    );
    await update('approvals', approvals, UNDECIDED);
    const events = await rowsIn(grown, 'audit_events', 'n');
    await write(
      'audit_events',
      events.map((row) => ({ ...row, from_role: null, to_role: null })),
    );

    for (const [table, columns] of Object.entries(DERIVED)) {
      const derived = async (client: pg.Client): Promise<string[]> => {
        const { rows } = await client.query<{ row: string }>(
          `SELECT to_jsonb(r)::text AS row FROM (SELECT ${columns} FROM ${table}) r ORDER BY 1`,
        );
        return rows.map(({ row }) => row);
      };
      const [computed, expected] = [await derived(grown), await derived(written)];
      expect({ table, empty: expected.length === 0 }).toEqual({ table, empty: false });
      expect({ table, rows: computed }).toEqual({ table, rows: expected });
    }
  });

  it('have a position for each event, in the order of time', async () => {
    const { rows } = await grown.query<{ found: number; expected: number; head: number }>(
      `SELECT count(*)::integer AS found, (SELECT count(*)::integer FROM audit_events) AS expected,
              (SELECT last_position::integer FROM event_log_head) AS head
         FROM (SELECT position, row_number() OVER (ORDER BY e.timestamp, e.n) AS n
                 FROM event_log l JOIN audit_events e ON e.id = l.event_id) p
        WHERE position = n`,
    );
    const { expected } = rows[0] ?? {};
    expect(rows).toEqual([{ found: expected, expected, head: expected }]);
  });

  it('have values in the columns in which the API writes values', async () => {
    const team = new Team(mesh);
    const worker = team.worker();
    await Promise.all([team.route(), team.route()]);
    const { session, task } = await team.claim(worker);
    const asked = await worker.post<{ approval_id: string }>('/approvals', {
      task_id: task.id,
      approver_role: 'legal',
      reason: 'An amount above the limit',
      payload: { amount: 50_000 },
    });
    await mesh
      .agent('legal')
      .post(`/approvals/${asked.body.approval_id}/decision`, { decision: 'approved' });
    await worker.put(`/sessions/${session.id}`, {
      status: 'completed',
      result: { approved: true },
    });

    for (const [table, selection] of [
      ['tasks', 'true'],
      ['sessions', `status = 'pending' AND not_before IS NULL`],
      ['sessions', `status = 'completed'`],
      ['approvals', `status = 'approved'`],
      ['approval_votes', 'true'],
      ['audit_events', `event_type = 'task_routed'`],
      ['audit_events', `event_type = 'task_claimed'`],
      ['audit_events', `event_type = 'session_transitioned'`],
      ['audit_events', `event_type = 'approval_requested'`],
      ['audit_events', `event_type = 'approval_decided'`],
    ]) {
      const text = `SELECT jsonb_object_keys(jsonb_strip_nulls(to_jsonb(r))) AS name
                      FROM (SELECT * FROM ${table} WHERE ${selection} LIMIT 1) r ORDER BY 1`;
      const byApi = await mesh.query(text);
      const { rows } = await grown.query<{ name: string }>(text);
      expect({ table, selection, rows }).toEqual({ table, selection, rows: byApi });
    }
  });
});
