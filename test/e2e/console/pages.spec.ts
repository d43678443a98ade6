import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { newSubject } from '../../support/app.js';
import { expectAccessible, signInAs, useConsole } from '../../support/console.js';
import { insertTasks } from '../../support/insert-tasks.js';
import { routeTask } from '../../support/kit.js';

const THEMES = ['light', 'dark'] as const;
const PAGES = ['approvals', 'tasks', 'audit', 'overview', 'admin'] as const;

/** A part of a page that shows when its data have arrived. */
const shown = (page: Page, name: string): Locator =>
  name === 'admin' ? page.getByText('Healthy') : page.getByRole('table').first();

describe('the pages of the console', () => {
  const { mesh, open, expectErrors } = useConsole();
  const [finance, manager] = [newSubject('finance'), newSubject('manager')];
  let task: string;

  beforeAll(async () => {
    task = await routeTask(mesh, finance, manager);
    const agent = mesh.agent(manager);
    const claim = await agent.post<{ session: { id: string } }>(`/tasks/${task}/claim`, {});
    const failure = { status: 'failed', error: 'The ledger is locked', retryable: true };
    await agent.put(`/sessions/${claim.body.session.id}`, failure);
    await mesh.agent(finance).post('/approvals', { task_id: task, approver_role: manager });
  });

  describe.each(THEMES)('in the %s theme', (colorScheme) => {
    it('are accessible with data', async () => {
      const page = await open('/console/approvals', { colorScheme });
      await signInAs(page, `admin, ${finance}, ${manager}`);
      for (const name of PAGES) {
        await page.goto(`/console/${name}`);
        await shown(page, name).waitFor();
        await expectAccessible(page);
      }
      await page.goto(`/console/tasks/${task}`);
      await page.getByText('Session: active → failed').waitFor();
      await expectAccessible(page);
    });
  });

  it('are accessible without data, on a narrow screen', async () => {
    const page = await open('/console/approvals', { viewport: { width: 360, height: 740 } });
    await signInAs(page, newSubject('nobody'));
    for (const name of PAGES) {
      await page.goto(`/console/${name}`);
      await page
        .getByText(/^(Nothing|No |For admins)/)
        .first()
        .waitFor();
      await expectAccessible(page);
    }
  });

  it('fit a narrow screen with data', async () => {
    const page = await open('/console/approvals', { viewport: { width: 360, height: 740 } });
    await signInAs(page, `admin, ${finance}, ${manager}`);
    for (const path of [...PAGES, `tasks/${task}`]) {
      await page.goto(`/console/${path}`);
      await shown(page, path).waitFor();
      await expectAccessible(page);
    }
  });

  it('show a task with its lanes, attempts and what it waits for; cancel it', async () => {
    const page = await open(`/console/tasks/${task}`);
    await signInAs(page, finance);
    const lanes = page.getByRole('table', { name: 'Timeline' });
    await lanes.getByRole('columnheader', { name: manager }).waitFor();
    await page.getByText(`Waits for a claim by ${manager}`).waitFor();
    expect(await page.getByRole('table', { name: 'Attempts' }).getByRole('row').count()).toBe(3);
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.getByText('"max_attempts": 3').waitFor();
    await page.getByRole('button', { name: 'Cancel task' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('The task ends as cancelled.').waitFor();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Cancel task' }).click();
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    const { body } = await mesh.agent(finance).get(`/tasks/${task}`);
    expect(body.status).toBe('cancelled');
  });

  it('keep the filters of tasks in the URL, and list 10,000 tasks in pages', async () => {
    const role = newSubject('crowd');
    await insertTasks(mesh, { count: 10_000, role, status: 'pending' });
    const page = await open('/console/tasks?status=pending');
    await signInAs(page, role);
    const rows = page.getByRole('table', { name: 'Tasks' }).getByRole('row');
    await rows.nth(50).waitFor();
    await page.getByRole('button', { name: 'Load more' }).click();
    await rows.nth(100).waitFor();
    await page.getByLabel('To role').fill(newSubject('nobody'));
    await page.getByText('No tasks').waitFor();
    expect(page.url()).toMatch(/to_role=nobody-/);
  });

  it('follow the audit log, and export it', async () => {
    const page = await open('/console/audit?follow=true');
    await signInAs(page, finance);
    await page.getByText('Live', { exact: true }).waitFor();
    await routeTask(mesh, finance, manager);
    await page.getByRole('table').getByText('Task routed').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    expect((await download).suggestedFilename()).toBe('audit-events.ndjson');
  });

  it('follow the events of agents by their type', async () => {
    const page = await open('/console/audit?follow=true&event_type=agent.policy.evaluated');
    await signInAs(page, 'auditor');
    await page.getByText('Live', { exact: true }).waitFor();
    const report = { source: 'engine', category: 'policy', action: 'evaluated' };
    expect((await mesh.agent(finance).post('/audit/ingest', report)).status).toBe(202);
    await page.getByRole('table').getByText('policy.evaluated').waitFor();
  });

  it('poll while the event stream is down, and show how old the data is when offline', async () => {
    expectErrors(/Failed to load resource|ERR_/);
    const page = await open('/console/approvals');
    await page.route('**/events/stream?*', (route) => route.abort());
    const approver = newSubject('approver');
    await signInAs(page, approver);
    await page.getByText('Polling').waitFor();
    await page.getByText('Nothing waits for you').waitFor();
    const asked = await routeTask(mesh, finance, approver);
    await mesh.agent(finance).post('/approvals', { task_id: asked, approver_role: approver });
    await page.getByRole('table', { name: 'Waiting for me' }).waitFor();
    await page.context().setOffline(true);
    await page.getByText('The controller cannot be reached. This page was read').waitFor();
    await expectAccessible(page);
    await page.context().setOffline(false);
    await page.getByText('The controller cannot be reached').waitFor({ state: 'detached' });
  });

  it('return to the same page after a token has expired', async () => {
    expectErrors(/status of 401/);
    const page = await open(`/console/tasks/${task}`);
    await signInAs(page, finance);
    await page.getByText('Timeline').waitFor();
    await page.evaluate(
      `for (const key of Object.keys(sessionStorage)) sessionStorage.setItem(key, 'expired')`,
    );
    await page.reload();
    await page.getByRole('button', { name: 'Continue' }).waitFor();
    await signInAs(page, finance);
    await page.getByText('Timeline').waitFor();
    await page.route(/\/tasks\?page_size/, (route) =>
      route.fulfill({ status: 401, json: { code: 'auth.token_expired' } }),
    );
    await page.getByRole('link', { name: 'Tasks', exact: true }).click();
    await page.getByText('Your session has expired.').waitFor();
    expect(page.url()).toMatch(/\/console\/tasks$/);
    await expectAccessible(page);
  });

  it('keep a development session over a reload, and end it', async () => {
    const page = await open('/console');
    await signInAs(page, manager);
    await page.reload();
    await page.getByRole('navigation').waitFor();
    await page.getByRole('button', { name: `Signed in for ${manager}` }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByText('You have signed out.').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Continue' }).waitFor();
    await expectAccessible(page);
  });

  it('show a page that does not exist', async () => {
    const page = await open('/console/nothing');
    await signInAs(page, manager);
    await page.getByText('This page does not exist.').waitFor();
    await expectAccessible(page);
  });
});
