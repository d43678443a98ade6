import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { newSubject } from '../../support/app.js';
import { expectAccessible, signInAs, useConsole } from '../../support/console.js';
import { eventually } from '../../support/eventually.js';
import { routeTask, times } from '../../support/kit.js';

interface Request {
  readonly id: string;
  readonly finance: string;
  readonly approver: string;
}

describe('the approvals in the console', () => {
  const { mesh, open, expectErrors } = useConsole();

  /** Requests an approval of a role of its own. */
  async function request(body: Record<string, unknown> = {}, role?: string): Promise<Request> {
    const [finance, approver] = [newSubject('finance'), role ?? newSubject('manager')];
    const task_id = await routeTask(mesh, finance, approver);
    const created = await mesh.agent(finance).post<{ approval_id: string }>('/approvals', {
      task_id,
      approver_role: approver,
      reason: 'Over the limit',
      payload: { amount: 50_000, currency: 'EUR' },
      ...body,
    });
    expect(created.status).toBe(202);
    return { id: created.body.approval_id.replace('approval-', ''), finance, approver };
  }

  const statusOf = async ({ id, finance }: Request): Promise<unknown> =>
    (await mesh.agent(finance).get(`/approvals/${id}`)).body.status;

  /** Opens an approval as a person of its approver role. */
  async function openAs(role: string, id: string, name?: string): Promise<Page> {
    const page = await open(`/console/approvals/${id}`);
    await signInAs(page, role, name);
    await page.getByRole('heading', { level: 1 }).waitFor();
    return page;
  }

  const click = (page: Page, name: string): Promise<void> =>
    page.getByRole('button', { name, exact: true }).click();

  it('list what waits for the person, soonest to expire first', async () => {
    const first = await request({ expires_in_seconds: 7_200, reason: 'Later' });
    await request({ expires_in_seconds: 600, reason: 'Sooner' }, first.approver);
    const page = await open('/console/approvals');
    await signInAs(page, first.approver);
    const rows = page.getByRole('table', { name: 'Waiting for me' }).getByRole('row');
    await rows.nth(2).waitFor();
    expect(await rows.nth(1).textContent()).toContain('Sooner');
    expect(await rows.nth(2).textContent()).toContain('Later');
    await expectAccessible(page);
    await request({ reason: 'Just now' }, first.approver);
    await page.getByText('Just now').waitFor();
    await page.getByText('Sooner').click();
    await page.waitForURL(/\/approvals\/[0-9a-f-]{36}$/);
  });

  it('approve the payload on screen, with a comment', async () => {
    const asked = await request();
    const page = await openAs(asked.approver, asked.id);
    await page.getByText('50,000').waitFor();
    await expectAccessible(page);
    const sent = page.waitForRequest(/\/decision$/);
    await page.getByLabel('Comment').fill('Within the budget');
    await click(page, 'Approve');
    const { digest } = (await mesh.agent(asked.finance).get(`/approvals/${asked.id}`)).body;
    expect((await sent).postDataJSON()).toEqual({
      decision: 'approved',
      comments: 'Within the budget',
      digest,
    });
    await page.getByText('Nothing is left to decide here.').waitFor();
    expect(await statusOf(asked)).toBe('approved');
    await expectAccessible(page);
  });

  it('reject after a comment and a confirmation', async () => {
    const asked = await request();
    const page = await openAs(asked.approver, asked.id);
    await click(page, 'Reject');
    await page.getByText('Explain the rejection.').waitFor();
    await page.getByLabel('Comment').fill('Too much');
    await click(page, 'Reject');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('The request ends as rejected').waitFor();
    await expectAccessible(page);
    expect(await statusOf(asked)).toBe('pending');
    await click(page, 'Reject');
    await page.getByText('The requester can resubmit the request.').waitFor();
    expect(await statusOf(asked)).toBe('rejected');
  });

  it('delegate to another role', async () => {
    const asked = await request();
    const legal = newSubject('legal');
    const page = await openAs(asked.approver, asked.id);
    await click(page, 'Delegate');
    await page.getByLabel('New approver role').fill(legal);
    await page.getByLabel('Why do you delegate it?').fill('A matter of contract');
    await expectAccessible(page);
    await click(page, 'Delegate');
    await page.getByText(`Only the role ${legal} can decide this approval.`).waitFor();
    expect((await mesh.agent(legal).get(`/approvals/${asked.id}`)).body).toMatchObject({
      approver_role: legal,
      delegated_from: asked.approver,
    });
  });

  it('return to the role that delegated, and end when the requester withdraws', async () => {
    const asked = await request();
    const legal = newSubject('legal');
    await mesh
      .agent(asked.approver)
      .post(`/approvals/${asked.id}/delegate`, { role: legal, reason: 'A matter of contract' });
    const page = await openAs(asked.approver, asked.id);
    await click(page, 'Recall the decision');
    const dialog = page.getByRole('dialog');
    await dialog.getByText(`${asked.approver} decides again.`).waitFor();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Recall the decision' }).click();
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    const requester = await openAs(asked.finance, asked.id);
    await click(requester, 'Withdraw the request');
    await requester.getByRole('dialog').getByText('ends as withdrawn').waitFor();
    expect(await statusOf(asked)).toBe('pending');
    await requester
      .getByRole('dialog')
      .getByRole('button', { name: 'Withdraw the request' })
      .click();
    await requester.getByText('The requester withdrew the request.').waitFor();
    await page.getByText('The requester withdrew the request.').waitFor();
    expect(await statusOf(asked)).toBe('withdrawn');
  });

  it('refuse a decision if the payload is not the one on screen', async () => {
    expectErrors(/status of 409/);
    const asked = await request();
    const page = await open(`/console/approvals/${asked.id}`);
    await page.route(/\/approvals\/[0-9a-f-]+$/, async (route) => {
      if (route.request().resourceType() === 'document') return route.fallback();
      const response = await route.fetch();
      const body = (await response.json()) as Record<string, unknown>;
      return route.fulfill({ response, json: { ...body, digest: 'a'.repeat(64) } });
    });
    await signInAs(page, asked.approver);
    await click(page, 'Approve');
    await page.getByText('The payload changed while you read it').waitFor();
    expect(await statusOf(asked)).toBe('pending');
  });

  it('show at once that another person has decided', async () => {
    const asked = await request();
    const page = await openAs(asked.approver, asked.id);
    await page.getByRole('status').getByText('Live').waitFor();
    await mesh.agent(asked.approver).post(`/approvals/${asked.id}/decision`, {
      decision: 'rejected',
      comments: 'Decided elsewhere',
    });
    await page.getByText('Decided elsewhere').waitFor();
    expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
  });

  it('show that the time is over', async () => {
    const asked = await request({ expires_in_seconds: 60 });
    const page = await openAs(asked.approver, asked.id);
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await page.clock.install();
    await page.clock.fastForward(61_000);
    await page.getByText('Nobody decided in time.').waitFor();
  });

  it('let one of two people decide, and show the other why not', async () => {
    expectErrors(/status of 409/);
    const asked = await request();
    const pages = await Promise.all([
      openAs(asked.approver, asked.id, 'Ada'),
      openAs(asked.approver, asked.id, 'Bob'),
    ]);
    await Promise.all(pages.map((page) => click(page, 'Approve').catch(() => undefined)));
    for (const page of pages) await page.getByText('Nothing is left to decide here.').waitFor();
    expect(await statusOf(asked)).toBe('approved');
  });

  it('need several votes, in stages', async () => {
    const [manager, legal] = [newSubject('manager'), newSubject('legal')];
    const stages = { approver_role: undefined, stages: [manager, legal], quorum: 2 };
    const asked = await request(stages, manager);
    const page = await openAs(manager, asked.id, 'Ada');
    await page.getByText('One more is needed.').waitFor();
    await click(page, 'Approve');
    await page.getByText('1 of 2').waitFor();
    await page.getByText('You cannot decide this approval').waitFor();
    const other = await openAs(manager, asked.id, 'Bob');
    await other.getByText(`the next stage: ${legal}`).waitFor();
    await click(other, 'Approve');
    await other.getByText('Nothing is left to decide here.').waitFor();
  });

  it.each(['requester', 'other role'])('show the %s why it cannot decide', async (who) => {
    const asked = await request();
    const roles = who === 'requester' ? asked.finance : `${asked.finance}, other`;
    const page = await openAs(roles, asked.id);
    await page.getByText(`Only the role ${asked.approver} can decide`).waitFor();
    await expectAccessible(page);
  });

  it('show a missing approval as a problem', async () => {
    expectErrors(/status of 404/);
    const page = await open('/console/approvals/019a1b2c-0000-7f5a-8b6c-7d8e9f0a1b2c');
    await signInAs(page, newSubject('manager'));
    await page.getByText('approval.not_found').waitFor();
    await expectAccessible(page);
  });

  it('are decided with the keyboard only', async () => {
    const asked = await request();
    const page = await open('/console/approvals');
    await page.getByLabel('Role').waitFor();
    await page.keyboard.type(asked.approver);
    await page.keyboard.press('Enter');
    const row = page.getByRole('link', { name: 'approval', exact: true });
    await row.waitFor();
    const tabTo = async (name: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses += 1) {
        await page.keyboard.press('Tab');
        const focused = await page.evaluate<string>('document.activeElement?.textContent ?? ""');
        if (focused === name) return;
      }
      throw new Error(`${name} has no focus`);
    };
    await tabTo('approval');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await tabTo('Approve');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing is left to decide here.').waitFor();
    expect(await statusOf(asked)).toBe('approved');
  });

  it('are rejected with the keyboard only; Escape closes the dialog', async () => {
    const asked = await request();
    const page = await openAs(asked.approver, asked.id);
    await page.getByLabel('Comment').focus();
    await page.keyboard.type('Too much');
    const pressReject = async (): Promise<void> => {
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
    };
    await pressReject();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    const focused = () => page.evaluate<string>('document.activeElement?.textContent ?? ""');
    expect(await eventually(focused, (text) => text === 'Reject')).toBe('Reject');
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    // The dialog keeps the focus.
    for (let presses = 0; presses < 8 && (await focused()) !== 'Reject'; presses += 1)
      await page.keyboard.press('Tab');
    expect(
      await page.evaluate<boolean>('document.activeElement.closest("[role=dialog]") !== null'),
    ).toBe(true);
    await page.keyboard.press('Enter');
    await page.getByText('The requester can resubmit the request.').waitFor();
    expect(await statusOf(asked)).toBe('rejected');
  });

  describe('with a payload of somebody else', () => {
    let asked: Request;

    beforeAll(async () => {
      asked = await request({
        reason: '<img src=x onerror=alert(1)>',
        payload: {
          html: '<script>alert(1)</script><img src=x onerror="alert(1)">',
          rtl: 'שלום עולם',
          emoji: '👩🏽‍💻 🇩🇪',
          deceptive: 'pay \u202e000,01\u202c EUR',
          '<b>name</b>': { nested: ['<i>', { deep: true }] },
          closing: '</script></dd><script>window.attacked = 1</script>',
          svg: '<svg/onload=window.attacked=1>',
          link: '[pay](javascript:window.attacked=1) javascript:window.attacked=1',
          template: '{{constructor.constructor("window.attacked=1")()}} ${7*7}',
          entity: '&lt;img src=x&gt; &#x3c;b&#x3e;',
          arabic: 'مرحبا بالعالم 123',
          عدد: 'name from right to left',
        },
      });
    });

    it.each(['light', 'dark'] as const)('show it as text: %s', async (colorScheme) => {
      const page = await open(`/console/approvals/${asked.id}`, { colorScheme });
      await signInAs(page, asked.approver);
      await page.getByText('<script>alert(1)</script>').waitFor();
      await page.getByText('<b>name</b>').waitFor();
      await page.getByText('U+202E').waitFor();
      await page.getByText('👩🏽‍💻 🇩🇪').waitFor();
      await page.getByText('${7*7}').waitFor();
      await page.getByText('&lt;img src=x&gt;').waitFor();
      expect(
        await page.locator('main script, main b, main i, main img, main [onload]').count(),
      ).toBe(0);
      expect(await page.locator('main a[href^="javascript"]').count()).toBe(0);
      expect(await page.evaluate<unknown>('window.attacked')).toBeUndefined();
      await expectAccessible(page);
    });

    it('fit on a narrow screen', async () => {
      const page = await open(`/console/approvals/${asked.id}`, {
        viewport: { width: 360, height: 740 },
      });
      await signInAs(page, asked.approver);
      await page.getByText('<b>name</b>').waitFor();
      await expectAccessible(page);
    });
  });

  it.each([
    ['the most members', Object.fromEntries(times(1_900, (n) => [`member ${n}`, n]))],
    ['nearly 1 MiB', Object.fromEntries(times(15, (n) => [`text ${n}`, 'word '.repeat(13_000)]))],
  ])('show a payload of %s in parts', async (_, payload) => {
    const asked = await request({ payload });
    const page = await openAs(asked.approver, asked.id);
    await page
      .getByRole('button', { name: /^Show (more|all)/ })
      .first()
      .waitFor();
    await page.getByText('JSON', { exact: true }).click();
    await page.getByRole('region', { name: 'JSON' }).waitFor();
    await click(page, 'Approve');
    await page.getByText('Nothing is left to decide here.').waitFor();
  });
});
