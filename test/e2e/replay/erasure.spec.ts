import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { erase } from '../../../src/erasure/erasure.js';
import { erasureOf } from '../../../src/erasure/erasure-selection.js';
import { replayLog } from '../../../src/replay/replay.js';
import { leafText } from '../../../packages/verify/src/leaf.js';
import { newSubject } from '../../support/app.js';
import { EVENT_FACTS } from '../../support/event-facts.js';
import { Matter, outcomeOf } from '../../support/approvals.js';
import { actorOf, useApp } from '../../support/kit.js';
import { runOperatorCommand } from '../../support/operator-commands.js';
import { REPORT } from '../../support/audit.js';
import { finish } from '../../support/work.js';

const SECRET = 'Zebra-4711';
const PAYLOAD = { amount: 50_000, vendor: SECRET };

const TEXTS = `
  SELECT 'tasks' AS source, t::text AS text FROM tasks t
  UNION ALL SELECT 'sessions', s::text FROM sessions s
  UNION ALL SELECT 'approvals', a::text FROM approvals a
  UNION ALL SELECT 'approval_votes', v::text FROM approval_votes v
  UNION ALL SELECT 'audit_events', e::text FROM audit_events e
  UNION ALL SELECT 'subject_roles', r::text FROM subject_roles r
  UNION ALL SELECT 'idempotency_records', i.caller || i.response_body FROM idempotency_records i`;

const EVENT = `
  id, event_type, role, trace_id, task_id, session_id, approval_id, actor, metadata::text AS metadata, salt::text AS salt,
  erased, to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS timestamp`;

describe('npm run audit:erase', () => {
  const mesh = useApp();

  /** Where a text is stored. */
  const findText = async (text: string) => [
    ...new Set(
      (await mesh.query<{ source: string; text: string }>(TEXTS))
        .filter((row) => row.text.includes(text))
        .map(({ source }) => source),
    ),
  ];

  /** The leaf of each event: an erasure changes none. */
  async function leaves(): Promise<Map<string, string>> {
    const rows = await mesh.query<Parameters<typeof leafText>[0]>(
      `SELECT ${EVENT} FROM audit_events WHERE event_type <> 'data_erased'`,
    );
    return new Map(rows.map((row) => [row.id, leafText(row)]));
  }

  const run = (...args: string[]) =>
    erase(mesh.dataSource, erasureOf([...args, '--reason', 'Request']));

  const findings = async () => (await replayLog(mesh.dataSource)).findings;

  /** A task with an approval of which one of two subjects has voted. */
  async function undecided() {
    const matter = await Matter.open(mesh);
    const id = await matter.ask({ quorum: 2 });
    const approver = newSubject('approver');
    await matter.decide(id, 'approved', matter.agent(matter.board, approver));
    return { matter, id, approver };
  }

  /** A task that is claimed, with an approval that two subjects decided. */
  async function history() {
    const matter = await Matter.open(mesh, {
      task: { task_type: 'purchase', description: SECRET, data: { note: SECRET } },
      context: { note: SECRET },
    });
    const id = await matter.ask({ payload: PAYLOAD, reason: SECRET, quorum: 2 });
    const approver = newSubject('approver');
    await matter.decide(id);
    const decided = await matter.decide(id, 'approved', matter.agent(matter.board, approver));
    const { worker, session } = await matter.claim();
    return { matter, id, approver, worker, session, digest: decided.body.digest ?? '' };
  }

  it('removes a task with its texts, subjects and digests, and the log verifies and replays', async () => {
    const { matter, worker, session, id, digest } = await history();
    expect((await worker.post(`/approvals/${id}/consume`, { digest })).status).toBe(200);
    const result = { status: 'completed', result: { note: SECRET }, metadata: { note: SECRET } };
    expect((await finish(worker, session, result)).status).toBe(200);
    const before = await leaves();
    expect(await findText(SECRET)).toEqual(['tasks', 'sessions', 'approvals']);

    const report = await run('--task', matter.task);

    expect(report).toMatchObject({ emptied: { tasks: 1, sessions: 1, approvals: 1 }, digests: 0 });
    expect(report.aliases).toHaveLength(4);
    expect(await findText(SECRET)).toEqual([]);
    expect(await findText(digest)).toEqual([]);
    expect(await findText(actorOf(matter.router))).toEqual(['subject_roles']);
    expect(await leaves()).toEqual(before);
    expect(await findings()).toEqual([]);
    const votes = await mesh.query(
      `SELECT DISTINCT v.subject FROM approval_votes v JOIN approvals a ON a.id = v.approval_id WHERE a.id = $1`,
      [id.replace('approval-', '')],
    );
    expect(votes).toHaveLength(2);
  });

  it('removes a subject everywhere, and leaves the events of others', async () => {
    const { matter, id, approver, worker, session } = await history();
    await worker.post('/audit/ingest', { ...REPORT, metadata: { note: SECRET } });
    await matter.requester.post('/audit/ingest', { ...REPORT, metadata: { note: SECRET } });
    const before = await leaves();
    const subject = actorOf(matter.router);

    const report = await run('--subject', subject);

    expect(report).toMatchObject({ emptied: { tasks: 1, sessions: 0, approvals: 1 } });
    expect(report.digests).toBeGreaterThan(0);
    expect(await findText(subject)).toEqual([]);
    expect(await findText(actorOf(approver))).toContain('audit_events');
    expect(await findText(SECRET)).toEqual(['audit_events']);
    expect(await leaves()).toEqual(before);
    expect(await findings()).toEqual([]);
    const [row] = await mesh.query(
      `SELECT requested_by, decided_by, payload, digest FROM approvals WHERE id = $1`,
      [id.replace('approval-', '')],
    );
    expect(row).toEqual({
      requested_by: report.aliases[0],
      decided_by: actorOf(approver),
      payload: null,
      digest: null,
    });

    // The worker goes on, and the log still replays.
    expect((await finish(worker, session, { metadata: { after: 1 } })).status).toBe(200);
    expect((await finish(worker, session)).status).toBe(200);
    expect(await findings()).toEqual([]);
  });

  it('deletes the push notification configurations of a subject, and those of a task', async () => {
    const matter = await Matter.open(mesh);
    const subject = actorOf(matter.router);
    await mesh.query(
      `INSERT INTO push_configs (task_id, owner, id, to_role, roles, url, secret, position, due_at)
       SELECT $1, unnest($2::text[]), 'one', 'manager', '{}', 'https://example.com', '', 0, NULL`,
      [matter.task.replace('task-', ''), [subject, 'other']],
    );
    const owners = () =>
      mesh.query('SELECT owner FROM push_configs WHERE task_id = $1', [
        matter.task.replace('task-', ''),
      ]);

    await run('--subject', subject);
    expect(await owners()).toEqual([{ owner: 'other' }]);
    await run('--task', matter.task);
    expect(await owners()).toEqual([]);
  });

  it('refuses to consume an approval whose payload is erased', async () => {
    const { matter, id, worker, digest } = await history();
    await run('--task', matter.task);
    const refused = await worker.post(`/approvals/${id}/consume`, { digest });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    const other = await history();
    await run('--subject', actorOf(other.matter.router));
    expect(outcomeOf(await other.worker.post(`/approvals/${other.id}/consume`, { digest }))).toBe(
      'approval.erased',
    );
    expect(await findings()).toEqual([]);
  });

  it('removes single events, and keeps the rows', async () => {
    const { matter } = await history();
    const reporter = newSubject('reporter');
    const body = { ...REPORT, metadata: { note: 'Quokka' } };
    const { body: ack } = await matter
      .agent(matter.from, reporter)
      .post<{ event_id: string }>('/audit/ingest', body);
    const before = await leaves();

    expect(await run('--events', ack.event_id)).toMatchObject({ events: 1, aliases: [] });

    expect(await findText('Quokka')).toEqual([]);
    expect(await leaves()).toEqual(before);
    const [event] = await mesh.query(
      `SELECT actor, salt, metadata FROM audit_events WHERE id = $1`,
      [ack.event_id],
    );
    expect(event).toEqual({ actor: 'erased', salt: null, metadata: {} });
    expect(await findings()).toEqual([]);
  });

  it('records the erased events, at most 500 in one event', async () => {
    const reporter = newSubject('reporter');
    const reports = Array.from({ length: 501 }, () => ({ ...REPORT }));
    const client = mesh.agent('finance', reporter);
    expect((await client.post('/audit/ingest', reports)).status).toBe(202);

    const report = await run('--subject', actorOf(reporter));

    expect(report.events).toBe(501);
    const recorded = await mesh.query<{ ids: number; metadata: Record<string, unknown> }>(
      `SELECT jsonb_array_length(metadata -> 'event_ids') AS ids, metadata - 'event_ids' AS metadata
         FROM audit_events WHERE event_type = 'data_erased' AND metadata ->> 'alias' = $1 ORDER BY ids`,
      [report.aliases[0]],
    );
    expect(recorded.map(({ ids }) => ids)).toEqual([1, 500]);
    expect(recorded[0]?.metadata).toEqual({
      alias: report.aliases[0],
      reason: 'Request',
      by: expect.any(String),
    });
  });

  it('removes an approver with its notes, and keeps its decision', async () => {
    const { matter, id, approver } = await history();
    const before = await leaves();

    const { aliases } = await run('--subject', actorOf(approver));

    const [row] = await mesh.query(
      `SELECT status, decided_by, notes, payload FROM approvals WHERE id = $1`,
      [id.replace('approval-', '')],
    );
    expect(row).toEqual({
      status: 'approved',
      decided_by: aliases[0],
      notes: '',
      payload: PAYLOAD,
    });
    expect(await findText(actorOf(approver))).toEqual([]);
    expect(await leaves()).toEqual(before);
    expect(await findings()).toEqual([]);
    expect(await matter.get(id)).toMatchObject({ status: 'approved', votes: 2 });
  });

  it('removes the name of a subject from events of others', async () => {
    const { matter, id, approver } = await undecided();
    const admin = matter.agent('admin');
    const reassign = { role: newSubject('cfo'), reason: SECRET };
    expect((await admin.post(`/approvals/${id}/reassign`, reassign)).status).toBe(200);
    const before = await leaves();
    expect(await findText(actorOf(approver))).toContain('audit_events');

    await run('--subject', actorOf(approver));

    expect(await findText(actorOf(approver))).toEqual([]);
    expect(await leaves()).toEqual(before);
    expect(await findings()).toEqual([]);
  });

  it('records exactly these facts', async () => {
    const rows = await mesh.query<{ facts: string[] }>(
      `SELECT ARRAY(SELECT jsonb_object_keys(metadata)) AS facts FROM audit_events WHERE event_type = 'data_erased'`,
    );
    const { always, sometimes } = EVENT_FACTS.data_erased;
    const seen = new Set(rows.flatMap(({ facts }) => facts));

    expect([...seen].sort()).toEqual([...always, ...sometimes].sort());
    for (const { facts } of rows) expect(facts).toEqual(expect.arrayContaining([...always]));
  });

  it('changes nothing in a dry run', async () => {
    const { matter } = await history();
    const dump = async () =>
      (await mesh.query<{ text: string }>(TEXTS)).map(({ text }) => text).sort();
    const before = await dump();

    const report = await erase(
      mesh.dataSource,
      erasureOf(['--task', matter.task, '--reason', 'x', '--dry-run']),
    );

    expect(report.events).toBeGreaterThan(4);
    expect(await dump()).toEqual(before);
  });

  it('is done once by two erasures at the same time', async () => {
    const { matter } = await history();
    const results = await Promise.allSettled([
      run('--task', matter.task),
      run('--task', matter.task),
      run('--subject', actorOf(matter.router)),
    ]);

    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [String(result.reason)] : [],
    );
    expect(failures.length).toBeLessThan(3);
    for (const failure of failures)
      expect(failure).toMatch(/Another erasure runs|Nothing to erase/);
    expect(await findings()).toEqual([]);
  });

  it('runs beside changes of the same rows', async () => {
    const { matter, worker, session } = await history();
    await Promise.all([
      run('--subject', actorOf(matter.router)),
      ...[1, 2, 3, 4].map((step) => finish(worker, session, { metadata: { step } })),
    ]);

    expect(await findings()).toEqual([]);
  });

  it.each([
    ['an unknown task', ['--task', 'task-019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c'], 'does not exist'],
    ['an unknown event', ['--events', '019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c'], 'does not exist'],
    ['a subject without events', ['--subject', 'agent-mesh-dev#nobody'], 'Nothing to erase'],
  ])('refuses %s', async (_, args, message) => {
    await expect(run(...args)).rejects.toThrow(message);
  });

  it('refuses a role that does not own the tables', async () => {
    const url = new URL(mesh.databaseUrl);
    await mesh.query(`CREATE ROLE erase_app LOGIN PASSWORD 'secret'`);
    await mesh.query('GRANT SELECT ON ALL TABLES IN SCHEMA public TO erase_app');
    url.username = 'erase_app';
    url.password = 'secret';
    const answer = await command(url.href, '--subject', 'agent-mesh-dev#ann', '--reason', 'x');
    await mesh.query('DROP OWNED BY erase_app');
    await mesh.query('DROP ROLE erase_app');

    expect(answer).toMatchObject({ code: 64, stdout: '' });
    expect(answer.stderr).toBe(
      'audit:erase: The database role erase_app does not own the audit log. Use the owner.\n',
    );
  });

  it('is a command', async () => {
    const { matter } = await history();
    const args = ['--task', matter.task, '--reason', 'Request of the person'];
    const dry = await command(mesh.databaseUrl, ...args, '--dry-run');
    expect(dry.stdout).toMatch(/^Would erase \d+ events\.\n[^]*Dry run: nothing was changed\.\n$/);
    const done = await command(mesh.databaseUrl, ...args);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(done.stdout).toMatch(/^Erased \d+ events\.\nEmptied 1 tasks, /);
    const again = await command(mesh.databaseUrl, '--task', matter.task);
    expect(again.code).toBe(64);
    expect(again.stderr).toMatch(/^audit:erase: --reason is required\nusage: npm run audit:erase/);
  });

  it('is the only way to change an event', async () => {
    const client = new pg.Client({ connectionString: mesh.databaseUrl });
    await client.connect();
    const [event] = await mesh.query<{ id: string }>(
      `SELECT id FROM audit_events WHERE erased IS NULL AND metadata ? 'told' = false LIMIT 1`,
    );
    const attempts = [
      `actor = 'mallory'`,
      `metadata = '{}'`,
      `erased = '{"actor": "x"}', salt = NULL, actor = 'erased', role = 'other'`,
      `erased = '{"actor": "x"}', salt = NULL, actor = 'erased', metadata = metadata || '{"x": 1}'`,
      `erased = '{}', salt = NULL, actor = 'erased'`,
      `timestamp = now()`,
    ];
    for (const set of attempts) {
      const update = `UPDATE audit_events SET ${set} WHERE id = '${event?.id ?? ''}'`;
      await expect(client.query(update)).rejects.toThrow('audit_events is append-only');
      await client.query('BEGIN');
      await client.query(`SELECT set_config('agent_mesh.erasing', 'on', true)`);
      await expect(client.query(update)).rejects.toThrow('audit_events is append-only');
      await client.query('ROLLBACK');
    }
    await expect(client.query('DELETE FROM audit_events')).rejects.toThrow('append-only');
    await expect(client.query('TRUNCATE audit_events')).rejects.toThrow('append-only');
    await client.end();
  });

  const command = (url: string, ...args: string[]) =>
    runOperatorCommand('audit-erase', { DATABASE_URL: url }, ...args);
});
