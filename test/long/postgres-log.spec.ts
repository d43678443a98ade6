import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrate } from '../../src/database/migrate.js';
import { tokenFor } from '../support/app.js';
import { Client } from '../support/client.js';
import { ControllerProcess } from '../support/controller-process.js';
import { startTestPostgres, type TestPostgres } from '../support/postgres.js';

const REQUESTS = 10_000;
const AGENTS = 8;
/** The errors that docs/operations/running.md explains. */
const DOCUMENTED = [
  'concurrent update, retried by the controller',
  'duplicate key value violates unique constraint "idempotency_records_pkey"',
  'duplicate key value violates unique constraint "idx_tasks_idempotency_key"',
];

describe('the log of PostgreSQL', () => {
  let postgres: TestPostgres;
  let controller: ControllerProcess;

  beforeAll(async () => {
    postgres = await startTestPostgres({
      logging_collector: 'on',
      log_directory: 'log',
      log_filename: 'all.log',
      log_min_messages: 'error',
    });
    await migrate(postgres.url);
    controller = await ControllerProcess.startMain({ DATABASE_URL: postgres.url });
  }, 120_000);

  afterAll(async () => {
    await controller.stop();
    await postgres.stop();
  });

  it(`has no error but documented conflicts after ${REQUESTS} mixed requests`, async () => {
    // The server itself logs that it was not reachable while it started.
    const before = await errorsOf(postgres);
    let sent = 0;
    const keys: string[] = [];
    const statuses = new Map<number, number>();
    const agent = async (): Promise<void> => {
      const finance = new Client(controller.url, tokenFor('finance', 'finance-agent'));
      const manager = new Client(controller.url, tokenFor('manager', 'manager-agent'));
      const count = async (answer: Promise<{ status: number }>): Promise<void> => {
        const { status } = await answer;
        sent += 1;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      };
      while (sent < REQUESTS) {
        const key = Math.random() < 0.3 ? (keys.at(-1) ?? randomUUID()) : randomUUID();
        keys.push(key);
        const body = { target: 'manager', task: { task_type: 'review', data: { key } } };
        const route = (): Promise<{ status: number; body: { task_id: string } }> =>
          finance.post<{ task_id: string }>('/tasks/route', body, { 'idempotency-key': key });
        await Promise.all([count(route()), count(route())]);
        const task = (await route()).body.task_id;
        const approval = { task_id: task, approver_role: 'legal', payload: { key } };
        await Promise.all([
          count(manager.post(`/tasks/${task}/claim`, {})),
          count(manager.post(`/tasks/${task}/claim`, {})),
          count(finance.post('/approvals', approval)),
          count(finance.get(`/tasks/${task}`)),
          count(finance.get('/tasks?status=pending')),
        ]);
        await Promise.all([
          count(manager.put(`/sessions/${task}`, { status: 'completed' })),
          count(manager.put(`/sessions/${task}`, { status: 'failed', error: 'x' })),
          count(finance.post(`/tasks/${task}/cancel`, {})),
          count(manager.post('/tasks/claim', {})),
          count(finance.post('/tasks/route', { target: '' })),
        ]);
      }
    };
    await Promise.all(Array.from({ length: AGENTS }, agent));

    const unexplained = (await errorsOf(postgres)).filter(
      (line) => !before.includes(line) && !DOCUMENTED.some((text) => line.includes(text)),
    );
    expect([...statuses.keys()].filter((status) => status >= 500 && status !== 503)).toEqual([]);
    expect(unexplained).toEqual([]);
  }, 600_000);
});

/** The lines of the log with an error, without time and process. */
async function errorsOf({ dataDir }: TestPostgres): Promise<string[]> {
  const names = await readdir(dataDir, { recursive: true });
  const log = names.find((name) => name.endsWith('log/all.log'));
  if (log === undefined) throw new Error('PostgreSQL wrote no log');
  const lines = (await readFile(join(dataDir, log), 'utf8')).split('\n');
  return [...new Set(lines.flatMap((line) => /(?:ERROR|FATAL|PANIC):.*/.exec(line)?.[0] ?? []))];
}
