import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { newSigningKey, sealing, untilSigned } from '../../support/audit-log.js';
import { expectAccessible, signInAs, useConsole } from '../../support/console.js';
import { routeTask } from '../../support/kit.js';

const NARROW = { viewport: { width: 360, height: 740 } };

describe('the sealed log in the console', () => {
  const { mesh, open, expectErrors } = useConsole({ env: sealing(newSigningKey()) });
  let approval: string;

  beforeAll(async () => {
    const task_id = await routeTask(mesh, 'finance', 'manager');
    const asked = await mesh
      .agent('finance')
      .post<{ approval_id: string }>('/approvals', { task_id, approver_role: 'manager' });
    approval = asked.body.approval_id.replace('approval-', '');
    await untilSigned(mesh);
  });

  /** Opens the audit page as finance, with another response of the sealed log if one is given. */
  async function openAudit(seals?: object, options = {}): Promise<Page> {
    const page = await open('/console/audit', options);
    if (seals) await page.route('**/audit/log/seals*', (route) => route.fulfill({ json: seals }));
    await signInAs(page, 'finance');
    return page;
  }

  it.each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['a narrow screen', NARROW],
  ])('shows the state, and the head and proof of each event: %s', async (_, options) => {
    const page = await openAudit(undefined, options);
    await page.getByText('Sealing', { exact: true }).waitFor();
    const row = page.getByRole('row').filter({ hasText: 'Approval requested' });
    await row.getByText(/^Head \d+$/).waitFor();
    await expectAccessible(page);
    const download = page.waitForEvent('download');
    await row.getByRole('button', { name: /^Proof of entry \d+$/ }).click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(/^event-.*\.tlog-proof$/);
    expect(await readFile(await file.path(), 'utf8')).toContain('c2sp.org/tlog-proof@v1');
  });

  it('shows the head of an event that arrives while the page is open', async () => {
    const page = await openAudit();
    await page.getByText('Live', { exact: true }).waitFor();
    const rows = page.getByRole('row').filter({ hasText: 'Task routed' });
    await rows.first().waitFor();
    const before = await rows.count();
    await routeTask(mesh, 'finance', 'manager');
    await rows
      .nth(before)
      .getByText(/^Head \d+$/)
      .waitFor();
  });

  it.each([
    ['unsigned', 'no signing key is configured', 'Not signed'],
    ['lagging', 'waited for their seal for more than 30 seconds', 'Not signed'],
    ['diverged', 'The log contradicts a head that was published', 'Not signed'],
    ['off', 'does not seal the audit log', '–'],
  ])('explains the state %s', async (state, hint, cell) => {
    const events = await mesh.query<{ id: string }>('SELECT id FROM audit_events');
    const seals = events.map(({ id }, seq) => ({ event_id: id, seq, head: null }));
    const page = await openAudit({ state, size: events.length, head: null, seals });
    await page.getByText(hint).waitFor();
    await page.getByRole('cell', { name: cell }).first().waitFor();
    await expectAccessible(page);
  });

  it('shows the events also if the state cannot be read', async () => {
    expectErrors(/status of 500/);
    const page = await open('/console/audit');
    await page.route('**/audit/log/seals*', (route) =>
      route.fulfill({ status: 500, json: { code: 'server.unexpected', detail: 'x' } }),
    );
    await signInAs(page, 'finance');
    await page.getByText('Task routed').first().waitFor();
    await page.getByText('The state of the sealed log cannot be read.').waitFor();
    await expectAccessible(page);
  });

  it('downloads the receipt of a decision', async () => {
    const page = await open(`/console/approvals/${approval}`);
    await signInAs(page, 'manager');
    await page.getByRole('button', { name: 'Approve' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download the receipt' }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`approval-${approval}.receipt.json`);
    const receipt: unknown = JSON.parse(await readFile(await file.path(), 'utf8'));
    expect(JSON.stringify(receipt)).toContain(approval);
    await expectAccessible(page);
  });
});
