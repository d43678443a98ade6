import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { WebhookDeliveriesRepository } from '../../../src/webhooks/webhook-deliveries.repository.js';
import { WebhookQueueRepository } from '../../../src/webhooks/webhook-queue.repository.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { explain, type Plan, type Statement, statementsOf } from '../../support/query-plans.js';

const FRESH = 100_000;
const RETRIES = 10_000;
const OF_TASK = 5;
const LIMITS = { perWebhook: 4, retries: 2, total: 32, seconds: 60 };
/** Some rows for each delivery that is claimed or skipped. */
const MAX_ROWS = 200;

const WEBHOOK = `
  INSERT INTO webhooks (id, url, types, secret, after_position, created_by, status)
  VALUES ($1, 'https://example.com', '{*}', '', 0, 'test', 'disabled')`;

/** Deliveries after one another: ended ones, retries of which ten are due, and fresh ones. */
const DELIVERIES = `
  INSERT INTO webhook_deliveries
    (webhook_id, position, event_id, task_id, status, attempts, next_attempt_at, ended_at)
  SELECT $1, n, gen_random_uuid(), md5((n / ${OF_TASK})::text)::uuid,
         CASE WHEN n <= $2 THEN 'delivered' ELSE 'pending' END,
         CASE WHEN n <= $2 + ${RETRIES} THEN 1 ELSE 0 END,
         clock_timestamp() + CASE WHEN n BETWEEN $2 + 11 AND $2 + ${RETRIES} THEN interval '1 hour' ELSE '0' END,
         CASE WHEN n <= $2 THEN clock_timestamp() END
    FROM generate_series(1, $2 + ${RETRIES} + ${FRESH}) AS n`;

describe(`with ${FRESH} deliveries that were not sent yet and ${RETRIES} retries`, () => {
  const ENDED = 20_000;
  const id = randomUUID();
  let mesh: TestApp;
  let transactions: TransactionsService;

  beforeAll(async () => {
    mesh = await startTestApp({ env: { DATABASE_POOL_SIZE: '1' } });
    transactions = mesh.app.get(TransactionsService);
    // The webhooks are disabled, so that the application sends nothing.
    await mesh.query(WEBHOOK, [id]);
    await mesh.query(WEBHOOK, [randomUUID()]);
    // On a connection without a time limit.
    await withClient(mesh.databaseUrl, (client) => client.query(DELIVERIES, [id, ENDED]));
  }, 120_000);

  afterAll(() => mesh.close());

  /** The statement of a repository's method, of an execution that is rolled back. */
  async function statementOf(act: Parameters<TransactionsService['run']>[0]): Promise<Statement> {
    const undo = new Error('undo');
    const run = transactions.run(async (manager) => {
      await act(manager);
      throw undo;
    });
    const statements = await statementsOf(mesh, () => expect(run).rejects.toBe(undo));
    const found = statements.find(({ text }) => text.includes('webhook_deliveries'));
    if (!found) throw new Error('There was no such statement.');
    return { ...found, text: found.text.replace(`w.status = 'enabled'`, `w.status = 'disabled'`) };
  }

  const claim = () => {
    const queue = mesh.app.get(WebhookQueueRepository);
    return statementOf((manager) => queue.claim(manager, [id], LIMITS));
  };

  function expectFewRows({ ways, rowsRead }: Plan): void {
    expect(ways).toEqual(ways.filter((way) => !way.startsWith('Seq Scan on webhook_deliveries')));
    expect(rowsRead).toBeLessThanOrEqual(MAX_ROWS);
  }

  it('claims the first fresh ones before retries', async () => {
    const queue = mesh.app.get(WebhookQueueRepository);
    let claimed: { position: number; attempts: number }[] = [];
    await statementOf(async (manager) => {
      claimed = await queue.claim(manager, [id], LIMITS);
    });
    const first = ENDED + RETRIES + 1;
    // Later events of a task wait for its first one.
    const fresh = [0, 1, 2, 3].map(
      (task) => Math.ceil((first + task * OF_TASK) / OF_TASK) * OF_TASK,
    );
    expect(claimed.map(({ position }) => position).sort()).toEqual(fresh);
    expect(new Set(claimed.map(({ attempts }) => attempts))).toEqual(new Set([1]));
  });

  it.each(['before', 'after'])(
    'reads few rows to claim, %s an analysis of the table',
    async (when) => {
      if (when === 'after') await mesh.query('VACUUM ANALYZE webhook_deliveries');
      expectFewRows(await explain(mesh, await claim()));
    },
  );

  it('reads few rows to claim with a generic plan', async () => {
    const { text, parameters } = await claim();
    await mesh.query(`PREPARE claim AS ${text}`);
    await mesh.query('SET plan_cache_mode = force_generic_plan');
    const literals = parameters.map((value) =>
      Array.isArray(value) ? `'{${value.join()}}'` : String(value),
    );
    expectFewRows(
      await explain(mesh, { text: `EXECUTE claim(${literals.join()})`, parameters: [] }),
    );
    await mesh.query('RESET plan_cache_mode');
  });

  it('reads few rows to find the webhooks with deliveries that are due', async () => {
    const queue = mesh.app.get(WebhookQueueRepository);
    expectFewRows(await explain(mesh, await statementOf((manager) => queue.lockReady(manager))));
  });

  it('counts at most 10,000 of them', async () => {
    const deliveries = mesh.app.get(WebhookDeliveriesRepository);
    const { text } = await statementOf((manager) => deliveries.getBacklog(manager));
    const plan = await explain(mesh, { text, parameters: [] });
    expect(plan.rowsRead).toBeLessThanOrEqual(10_000);
  });
});
