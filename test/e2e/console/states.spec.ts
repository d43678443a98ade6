import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page, Request } from 'playwright-core';
import { newSubject } from '../../support/app.js';
import { expectAccessible, signInAs, useConsole } from '../../support/console.js';
import { eventually } from '../../support/eventually.js';
import { routeTask } from '../../support/kit.js';

const API = /\/(approvals|tasks|audit|overview|webhooks|health)(\/|\?|$)/;
const isRead = (request: Request): boolean =>
  request.resourceType() === 'fetch' && !/events|console/.test(new URL(request.url()).pathname);

describe('each page of the console', () => {
  const { mesh, open, expectErrors } = useConsole();
  const [finance, manager] = [newSubject('finance'), newSubject('manager')];
  let paths: string[];

  beforeAll(async () => {
    const task_id = await routeTask(mesh, finance, manager);
    const asked = await mesh
      .agent(finance)
      .post<{ approval_id: string }>('/approvals', { task_id, approver_role: manager });
    paths = [
      'approvals',
      'approvals?view=all',
      `approvals/${asked.body.approval_id}`,
      'tasks',
      `tasks/${task_id}`,
      'audit',
      'overview',
      'admin',
    ];
  });

  it('shows a problem with its code and trace, and reads again', async () => {
    expectErrors(/status of 403/);
    const page = await open('/console');
    await signInAs(page, `admin, ${manager}`);
    let isBroken = true;
    await page.route(API, (route) => {
      if (!isBroken || route.request().resourceType() === 'document') return route.fallback();
      return route.fulfill({
        status: 403,
        contentType: 'application/problem+json',
        json: {
          code: 'auth.forbidden',
          title: 'Forbidden',
          detail: '<b>Not now</b>',
          trace_id: 'trace-1',
        },
      });
    });
    for (const path of paths) {
      isBroken = true;
      await page.goto(`/console/${path}`);
      const problems = page.getByRole('alert').filter({ hasText: '<b>Not now</b>' });
      await problems.first().getByText('auth.forbidden · trace trace-1').waitFor();
      await expectAccessible(page);
      isBroken = false;
      // Each part of the page has its own.
      const left = async () => {
        const button = problems.first().getByRole('button', { name: 'Try again' });
        await button.click({ timeout: 1_000 }).catch(() => undefined);
        return problems.count();
      };
      expect(await eventually(left, (count) => count === 0)).toBe(0);
    }
  });

  it('keeps its data, marked as old, when the connection is lost, and opens offline', async () => {
    expectErrors(/Failed to load resource|ERR_/);
    const page = await open('/console/approvals');
    await signInAs(page, manager);
    await page.getByRole('table', { name: 'Waiting for me' }).waitFor();
    // The other pages are loaded while this one is open.
    const isLoaded = () => page.evaluate<boolean>(PAGES_LOADED);
    expect(await eventually(isLoaded, Boolean)).toBe(true);
    await page.context().setOffline(true);
    for (const name of ['Tasks', 'Audit', 'Overview']) {
      await page.getByRole('link', { name, exact: true }).click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
      await page.getByText('The controller cannot be reached').first().waitFor();
      await expectAccessible(page);
    }
    await page.context().setOffline(false);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByText('Queues').waitFor();
  });

  it('does not poll while events arrive', async () => {
    const page = await open('/console/approvals');
    await page.clock.install();
    await signInAs(page, manager);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('table', { name: 'Waiting for me' }).waitFor();
    const reads: string[] = [];
    page.on('request', (request) => {
      if (isRead(request)) reads.push(request.url());
    });
    for (const [name, shown] of [
      ['Approvals', 'Waiting for me'],
      ['Tasks', 'Tasks'],
      ['Audit', 'Audit'],
    ]) {
      await page
        .getByRole('link', { name: name ?? '' })
        .first()
        .click();
      await page.getByRole('table', { name: shown }).waitFor();
      await settled(page, reads);
      reads.length = 0;
      // In all, less than the longest silence of the stream.
      await page.clock.fastForward(12_000);
      expect(reads).toEqual([]);
    }
  });

  it('opens from a link with the prefix of an id, after the sign-in', async () => {
    const page = await open(`/console/${paths[2] ?? ''}`);
    await signInAs(page, manager);
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    expect(page.url()).toContain(paths[2] ?? '');
  });

  it('shows a sign-in that is refused', async () => {
    expectErrors(/status of 400/);
    const page = await open('/console');
    await page.getByLabel('Role').fill('system');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('not "system"').waitFor();
    await expectAccessible(page);
  });
});

const PAGES_LOADED = `['tasks', 'audit', 'overview'].every((name) =>
  performance.getEntriesByType('resource').some((entry) => entry.name.includes('/' + name + '-page-')))`;

/** Waits until no request has begun for a moment. */
async function settled(page: Page, reads: readonly string[]): Promise<void> {
  let before = -1;
  await eventually(
    async () => {
      const isSame = reads.length === before;
      before = reads.length;
      await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
      return isSame;
    },
    (isSame) => isSame,
  );
}
