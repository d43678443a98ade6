import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { migrationOptions } from '../../src/database/database-options.js';
import { replayLog } from '../../src/replay/replay.js';
import { Matter } from '../support/approvals.js';
import { eventually } from '../support/eventually.js';
import { useApp } from '../support/kit.js';
import { finish } from '../support/work.js';

const TASKS = 100_000;
const MOST_SECONDS = 60;

/** Copies of one task with all its rows and events. The commitments of the copies are those of the original. */
const COPY = [
  `SET session_replication_role = replica`,
  `CREATE TEMP TABLE copy AS
     SELECT n, gen_random_uuid() AS task_id, gen_random_uuid() AS session_id, gen_random_uuid() AS approval_id
       FROM generate_series(1, ${TASKS}) n`,
  copyOf('tasks', 'id, idempotency_key', 'c.task_id, c.task_id'),
  copyOf('sessions', 'id, task_id', 'c.session_id, c.task_id'),
  copyOf('approvals', 'id, chain_id, task_id', 'c.approval_id, c.approval_id, c.task_id'),
  copyOf('approval_votes', 'approval_id, chain_id', 'c.approval_id, c.approval_id'),
  `INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, salt, metadata)
   SELECT gen_random_uuid(), event_type, role, actor, timestamp, trace_id, c.task_id,
          CASE WHEN e.session_id IS NOT NULL THEN c.session_id END,
          CASE WHEN e.approval_id IS NOT NULL THEN c.approval_id END, salt,
          metadata || CASE WHEN metadata ? 'idempotency_key' THEN jsonb_build_object('idempotency_key', c.task_id) ELSE '{}' END
                   || CASE WHEN metadata ? 'chain_id' THEN jsonb_build_object('chain_id', c.approval_id) ELSE '{}' END
     FROM audit_events e CROSS JOIN copy c ORDER BY c.n, e.n`,
  `INSERT INTO event_log (position, event_id)
   SELECT (SELECT max(position) FROM event_log) + row_number() OVER (ORDER BY e.n), e.id
     FROM audit_events e WHERE NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.id)`,
  `ANALYZE`,
];

/** Copies the rows of a table with other values of some columns. */
function copyOf(table: string, columns: string, values: string): string {
  return `
    DO $$ DECLARE rest text; BEGIN
      SELECT string_agg(quote_ident(column_name), ', ') INTO rest FROM information_schema.columns
       WHERE table_name = '${table}' AND column_name <> ALL (string_to_array('${columns}', ', '));
      EXECUTE format('INSERT INTO ${table} (${columns}, %1$s) SELECT ${values}, %1$s FROM ${table} r CROSS JOIN copy c', rest);
    END $$`;
}

describe('the replay of a long log', () => {
  const mesh = useApp();
  /** Without the time limits of the application, as commands have it. */
  let database: DataSource;

  beforeAll(async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask();
    await matter.decide(id);
    const { worker, session } = await matter.claim();
    await finish(worker, session, { metadata: { half: true } });
    await finish(worker, session, { status: 'completed', result: { ok: true } });
    const unnumbered = () =>
      mesh.query(`SELECT 1 FROM audit_events WHERE id NOT IN (SELECT event_id FROM event_log)`);
    await eventually(unnumbered, (rows) => rows.length === 0);
    database = await new DataSource(migrationOptions(mesh.databaseUrl)).initialize();
    const runner = database.createQueryRunner();
    for (const statement of COPY) await runner.query(statement);
    await runner.query('RESET session_replication_role');
    await runner.release();
  }, 600_000);

  afterAll(() => database.destroy());

  it(`compares ${TASKS} tasks in ${MOST_SECONDS} seconds`, async () => {
    await mesh.query(`UPDATE tasks SET priority = 'low' WHERE id = (SELECT id FROM tasks LIMIT 1)`);
    const start = performance.now();
    const report = await replayLog(database);
    const seconds = (performance.now() - start) / 1000;
    const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20);
    process.stdout.write(`${report.events} events, ${seconds.toFixed(1)} s, ${megabytes} MB\n`);

    expect(report.tables.tasks.compared).toBe(TASKS + 1);
    expect(report.findings.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^task-\S+: priority is "low", the log has "normal"$/),
    ]);
    expect(seconds).toBeLessThan(MOST_SECONDS);
  }, 300_000);
});
