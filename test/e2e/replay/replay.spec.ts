import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import type { EntityManager } from 'typeorm';
import { replayLog, replayWithin, type ReplayReport } from '../../../src/replay/replay.js';
import { makeEveryChange } from '../../support/every-change.js';
import { eventually } from '../../support/eventually.js';
import { useSharedApp } from '../../support/kit.js';
import { programFile } from '../../support/program-file.js';

const TABLES = ['tasks', 'sessions', 'approvals', 'approval_votes', 'vote_renewals'] as const;

/** Another value than that of a column, by the type of the column. */
const OTHER: Record<string, (column: string) => string> = {
  uuid: () => 'gen_random_uuid()',
  text: () => `'tampered'`,
  'character varying': () => `'tampered'`,
  integer: (column) => `coalesce(${column}, 0) + 1`,
  smallint: (column) => `coalesce(${column}, 0) + 1`,
  boolean: (column) => `${column} IS NOT TRUE`,
  jsonb: () => `'{"tampered": true}'`,
  ARRAY: () => `ARRAY['tampered']`,
  'timestamp with time zone': (column) => `coalesce(${column}, now()) + interval '1 millisecond'`,
};

/** In a commitment, with other columns of the row. */
const CONTENT = [
  ...[
    'description',
    'data',
    'context',
    'metadata',
    'result',
    'error',
    'payload',
    'reason',
    'notes',
  ],
];
/** A column that identifies a row: another row is then in its place. */
const KEYS = ['tasks.id', 'sessions.id', 'approvals.id', 'approval_votes.approval_id'];
const MORE_KEYS = ['approval_votes.subject', 'vote_renewals.approval_id', 'vote_renewals.subject'];
const TIME_KEY = 'vote_renewals.renewed_at';

describe('the replay of a log of every change', () => {
  const mesh = useSharedApp();

  beforeAll(async () => {
    await makeEveryChange(mesh);
    const unnumbered = () =>
      mesh.query(`SELECT 1 FROM audit_events WHERE id NOT IN (SELECT event_id FROM event_log)`);
    await eventually(unnumbered, (rows) => rows.length === 0);
  });

  class Undo extends Error {}

  /** The report after a change as a superuser can make it, past all triggers and constraints. The change is undone. */
  async function replayAfter(tamper: (manager: EntityManager) => Promise<unknown>) {
    let report: ReplayReport | undefined;
    await mesh.dataSource
      .transaction('REPEATABLE READ', async (manager) => {
        await manager.query(`SET LOCAL session_replication_role = replica`);
        await tamper(manager);
        report = await replayWithin(manager);
        throw new Undo();
      })
      .catch((error: unknown) => {
        if (!(error instanceof Undo)) throw error;
      });
    if (!report) throw new Error('not replayed');
    return report;
  }

  async function findingsAfter(...statements: string[]): Promise<string[]> {
    const report = await replayAfter(async (manager) => {
      for (const statement of statements) await manager.query(statement);
    });
    return report.findings.map(({ text }) => text);
  }

  async function withoutChecks(manager: EntityManager): Promise<void> {
    const constraints = await manager.query<{ drop: string }[]>(
      `SELECT format('ALTER TABLE %I DROP CONSTRAINT %I CASCADE', relname, conname) AS drop
         FROM pg_constraint JOIN pg_class c ON c.oid = conrelid
        WHERE relname = ANY($1) AND contype IN ('c', 'f')`,
      [TABLES],
    );
    for (const { drop } of constraints) await manager.query(drop);
    await manager.query(
      'DROP INDEX sessions_one_open_attempt_uq, sessions_task_attempt_uq, approvals_one_pending_uq',
    );
  }

  it('finds no difference', async () => {
    const report = await replayLog(mesh.dataSource);

    expect(report.findings).toEqual([]);
    for (const { compared, old } of Object.values(report.tables)) {
      expect(compared).toBeGreaterThan(0);
      expect(old).toBe(0);
    }
  });

  it.each(TABLES)('finds another value in each column of %s', async (table) => {
    const columns = await mesh.query<{ name: string; type: string }>(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_name = $1`,
      [table],
    );
    const missed: string[] = [];
    for (const { name, type } of columns) {
      const other = OTHER[type]?.(name) ?? '';
      const which = table === 'sessions' ? `WHERE lease_seconds IS NULL` : '';
      const change = `UPDATE ${table} SET ${name} = ${other} WHERE ctid = (SELECT ctid FROM ${table} ${which} LIMIT 1)`;
      const report = await replayAfter(async (manager) => {
        await withoutChecks(manager);
        await manager.query(change);
      });
      const texts = report.findings.map(({ text }) => text);
      const isKey = [...KEYS, ...MORE_KEYS, TIME_KEY].includes(`${table}.${name}`);
      const isFound = isKey
        ? texts.some((text) => text.endsWith('the row of the log is missing')) &&
          texts.some((text) => text.endsWith('the log has no event of this row'))
        : CONTENT.includes(name)
          ? texts.some((text) => text.includes(name))
          : texts.length === 1 && texts[0]?.includes(`: ${name} is `);
      if (!isFound) missed.push(`${table}.${name}: ${texts.join('; ')}`);
    }

    expect(missed).toEqual([]);
  });

  it.each(TABLES)('finds a row that is missing from %s', async (table) => {
    const one = `(SELECT ctid FROM ${table} LIMIT 1)`;

    expect(await findingsAfter(`DELETE FROM ${table} WHERE ctid = ${one}`)).toEqual([
      expect.stringMatching(/^(task|session|approval)-\S+.*: the row of the log is missing$/),
    ]);
  });

  it.each(TABLES)('finds a row of %s that no event records', async (table) => {
    const key = table.startsWith('approval_') || table.startsWith('vote_') ? 'subject' : 'id';
    const value = key === 'id' ? 'gen_random_uuid()' : `'mallory'`;
    const [columns] = await mesh.query<{ list: string }>(
      `SELECT string_agg(quote_ident(column_name), ', ') AS list FROM information_schema.columns
        WHERE table_name = $1 AND column_name NOT IN ('idempotency_key', 'supersedes', 'attempt', 'chain_id', $2)`,
      [table, key],
    );
    const more = { tasks: 'idempotency_key', approvals: 'chain_id', approval_votes: 'chain_id' };
    const extra = table in more ? more[table as keyof typeof more] : undefined;
    const list = columns?.list ?? '';
    const insert = `INSERT INTO ${table} (${key}, ${list}${extra ? `, ${extra}` : ''})
      SELECT ${value}, ${list}${extra ? ', gen_random_uuid()' : ''} FROM ${table} LIMIT 1`;
    const report = await replayAfter(async (manager) => {
      await withoutChecks(manager);
      await manager.query(insert);
    });

    expect(report.findings.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^(task|session|approval)-\S+.*: the log has no event of this row$/),
    ]);
  });

  it('names the value of the row, that of the log, and the entry', async () => {
    const [task] = await mesh.query<{ id: string; to_role: string; entry: string }>(
      `SELECT t.id, t.to_role, l.position - 1 AS entry FROM tasks t
         JOIN audit_events e ON e.task_id = t.id AND e.event_type = 'task_routed'
         JOIN event_log l ON l.event_id = e.id LIMIT 1`,
    );
    const report = await replayAfter((manager) =>
      manager.query(`UPDATE tasks SET to_role = 'legal' WHERE id = $1`, [task?.id]),
    );

    expect(report.findings).toEqual([
      {
        text: `task-${task?.id ?? ''}: to_role is "legal", the log has ${JSON.stringify(task?.to_role)}`,
        entry: Number(task?.entry),
      },
    ]);
  });

  const EVENT = (type: string, metadata: string, which: string) =>
    `INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, metadata)
     SELECT gen_random_uuid(), '${type}', role, 'mallory', clock_timestamp(), trace_id, task_id, session_id, approval_id,
            ${metadata} FROM audit_events WHERE ${which} ORDER BY n DESC LIMIT 1`;

  it.each([
    [
      'from a status that the session does not have',
      'pending',
      'active',
      /changes from pending, but it is completed/,
    ],
    [
      'that the state machine refuses',
      'completed',
      'active',
      /no transition leads from completed to active/,
    ],
  ])('finds a step %s', async (_, from, to, text) => {
    const metadata = `jsonb_build_object('from', '${from}', 'to', '${to}', 'retryable', NULL,
      'version', (metadata ->> 'version')::int + 1)`;
    const findings = await findingsAfter(
      EVENT('session_transitioned', metadata, `metadata ->> 'to' = 'completed'`),
    );

    expect(findings).toContainEqual(expect.stringMatching(text));
  });

  it('finds a version that is left out', async () => {
    const findings = await findingsAfter(
      EVENT(
        'session_updated',
        `'{"version": 99, "changed": [], "retryable": null}'`,
        `event_type = 'session_adopted'`,
      ),
    );

    expect(findings).toContainEqual(expect.stringMatching(/version 99 follows version \d$/));
  });

  it('finds a second consumption and a second decision', async () => {
    const again = (type: string) => EVENT(type, 'metadata', `event_type = '${type}'`);

    expect(await findingsAfter(again('approval_consumed'))).toContainEqual(
      expect.stringMatching(/: is consumed a second time$/),
    );
    expect(await findingsAfter(again('approval_decided'))).toContainEqual(
      expect.stringMatching(/: approval_decided while it is (approved|rejected)$/),
    );
  });

  it('finds an event that is missing, with and without its position', async () => {
    const [last] = await mesh.query<{ position: string; event_id: string }>(
      `SELECT l.* FROM event_log l JOIN audit_events e ON e.id = l.event_id
        WHERE e.event_type = 'access_denied' LIMIT 1`,
    );
    const deleted = `DELETE FROM audit_events WHERE id = '${last?.event_id ?? ''}'`;
    const entry = Number(last?.position) - 1;
    const unlisted = `DELETE FROM event_log WHERE event_id = '${last?.event_id ?? ''}'`;

    expect(await findingsAfter(deleted)).toEqual(['the event is missing']);
    expect(await findingsAfter(deleted, unlisted)).toEqual([
      `entries ${entry} to ${entry}: the log has no such positions`,
    ]);
  });

  it('compares only status and version of a session that an earlier version recorded', async () => {
    const one = `(SELECT id FROM sessions WHERE status = 'completed' AND attempt IS NULL LIMIT 1)`;
    const unfold = `UPDATE audit_events SET metadata = metadata - 'began' - 'content' - 'retryable'
      WHERE session_id = ${one}`;
    const change = (set: string) =>
      findingsAfter(unfold, `UPDATE sessions SET ${set} WHERE id = ${one}`);

    expect(await change(`claimed_by = 'mallory', metadata = '{"x": 1}'`)).toEqual([]);
    expect(await change(`version = 77`)).toEqual([expect.stringContaining(': version is 77')]);
    expect((await change(`status = 'failed'`))[0]).toContain(': status is "failed"');
  });

  /** Runs the command as `npm run audit:replay` does. */
  const command = (...args: string[]) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      const env = { PATH: process.env.PATH, DATABASE_URL: mesh.databaseUrl };
      const file = programFile('src/audit-replay-command.js');
      execFile(process.execPath, [file, ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, stdout, stderr });
      });
    });

  it('is a command that exits with 0, with 1 for findings, and with 64 for a wrong option', async () => {
    const same = await command();
    expect(same).toMatchObject({ code: 0, stderr: '' });
    expect(same.stdout).toMatch(
      /^Replayed \d+ events and compared \d+ tasks, [^]*No difference\.\n$/,
    );
    expect(same.stdout).toContain('Not compared: sessions.lease_expires_at');

    const [task] = await mesh.query<{ id: string }>(
      `UPDATE tasks SET priority = 'low' WHERE id = (SELECT id FROM tasks WHERE priority = 'high') RETURNING id`,
    );
    const different = await command();
    const json = await command('--json');
    await mesh.query(`UPDATE tasks SET priority = 'high' WHERE id = $1`, [task?.id]);
    expect(different.code).toBe(1);
    expect(different.stdout).toMatch(
      /^task-\S+: priority is "low", the log has "high" \(entry \d+\)\n[^]*1 finding\.\n$/,
    );
    expect(json).toMatchObject({ code: 1 });
    expect(JSON.parse(json.stdout)).toMatchObject({
      count: 1,
      findings: [{ entry: expect.any(Number) }],
    });

    const wrong = await command('--fast');
    expect(wrong).toMatchObject({ code: 64, stdout: '' });
    expect(wrong.stderr).toBe(
      'audit:replay: --fast is not an option\nusage: npm run audit:replay [-- --json]\n',
    );
  });
});
