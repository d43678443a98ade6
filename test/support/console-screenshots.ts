/**
 * `npm run console:screenshots`: takes the screenshots of docs/console.md from a running controller in development, with
 * the data of the demo. `CONTROLLER_URL` is its URL.
 */
import { mkdir } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { runDemo } from '../../src/demo/run-demo.js';
import { startBrowser } from './chromium.js';
import { Client } from './client.js';
import { eventually } from './eventually.js';

const URL = process.env.CONTROLLER_URL ?? 'http://127.0.0.1:8088';
const FOLDER = 'docs/images/console';

/** Requests of other roles, so that lists have more than one row. */
async function addRequests(): Promise<string> {
  const [procurement, operations] = await Promise.all(['procurement', 'operations'].map(agentOf));
  if (!procurement || !operations) throw new Error('no agents');
  const order = await route(procurement, 'manager', 'Order 40 laptops for the Berlin office');
  await procurement.post('/approvals', {
    task_id: order,
    stages: ['manager', 'legal'],
    quorum: 2,
    reason: 'The framework contract ends this month',
    payload: { supplier: 'ACME Hardware', count: 40, total: 51_600, currency: 'EUR' },
    expires_in_seconds: 172_800,
  });
  const access = await route(operations, 'manager', 'Read access to the orders database');
  await operations.post('/approvals', {
    task_id: access,
    approver_role: 'manager',
    reason: 'Customers cannot check out since 09:40',
    payload: { database: 'orders', access: 'read', hours: 4, incident: 'INC-2291' },
    expires_in_seconds: 1_500,
  });
  const ledger = await route(procurement, 'operations', 'Export the ledger of October');
  for (const outcome of [
    { status: 'failed', error: 'The ledger is locked until the close', retryable: true },
    { status: 'completed', result: { rows: 18_204, file: 'ledger-2026-10.csv' } },
  ]) {
    // The second attempt is due after a pause.
    const claim = await eventually(
      () => operations.post<{ session: { id: string } }>(`/tasks/${ledger}/claim`, {}),
      ({ status }) => status === 200,
      60_000,
    );
    await operations.put(`/sessions/${claim.body.session.id}`, outcome);
  }
  return ledger;
}

async function agentOf(role: string): Promise<Client> {
  const body = { roles: [role], name: `${role}-agent` };
  const issued = await new Client(URL).post<{ token: string }>('/console/development-token', body);
  const agent = new Client(URL, issued.body.token);
  await agent.get('/me');
  return agent;
}

async function route(agent: Client, target: string, description: string): Promise<string> {
  const task = {
    task_type: description.toLowerCase().replaceAll(' ', '_').slice(0, 50),
    description,
  };
  const { body } = await agent.post<{ task_id: string }>('/tasks/route', { target, task });
  return body.task_id;
}

/** @param shown a text that the page shows when its data have arrived */
async function shoot(page: Page, name: string, shown: string): Promise<void> {
  await page.getByText(shown).first().waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByRole('status', { name: 'Loading' }).waitFor({ state: 'detached' });
  await page.screenshot({ path: `${FOLDER}/${name}.png`, animations: 'disabled' });
}

async function main(): Promise<void> {
  const { stdout: output, stderr: errors } = process;
  const variables = { ...process.env, CONTROLLER_URL: URL };
  const code = await runDemo({ variables, output, errors });
  if (code !== 0) throw new Error('The demo failed.');
  const ledger = await addRequests();
  await mkdir(FOLDER, { recursive: true });
  const browser = await startBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${URL}/console/approvals`);
    await page.getByLabel('Role').fill('manager, operations');
    await page.screenshot({ path: `${FOLDER}/sign-in.png` });
    await page.getByRole('button', { name: 'Continue' }).click();
    await shoot(page, 'approvals', 'Customers cannot check out');
    await page.getByText('Approve the Q3 marketing budget').first().click();
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await shoot(page, 'approval', 'Approval requested');
    await page.goto(`${URL}/console/tasks/${ledger}`);
    await shoot(page, 'task', 'Task routed');
    await page.goto(`${URL}/console/overview`);
    await shoot(page, 'overview', 'Queues');
    await page.goto(`${URL}/console/audit`);
    await shoot(page, 'audit', 'Task routed');
  } finally {
    await browser.close();
  }
}

await main();
