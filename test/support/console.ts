import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, expect } from '@jest/globals';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import type { TestApp } from './app.js';
import { startBrowser } from './chromium.js';
import { closeAfterFolder, useApp, useSharedApp } from './kit.js';
import { patient } from './patience.js';

const run = promisify(execFile);
const SOURCES = 'packages/console';
const CLIENT = 'packages/client/src';
const PAGE = 'dist/console/index.html';

/** Builds the console if a source is newer than the build. */
export async function buildConsole(): Promise<void> {
  const built = existsSync(PAGE) ? statSync(PAGE).mtimeMs : 0;
  const sources = [join(SOURCES, 'src'), CLIENT].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
  const files = [...sources, join(SOURCES, 'index.html'), join(SOURCES, 'vite.config.ts')];
  const isStale = files.some((file) => statSync(file).mtimeMs > built);
  // The NODE_ENV of the tests would build React for development.
  const env = { ...process.env, NODE_ENV: 'production' };
  if (isStale) await run('npm', ['run', '--silent', 'build', '--workspace', SOURCES], { env });
}

/** The controller and the browser that the tests of the console share. Each page has a browser session of its own. */
export interface ConsoleTest {
  readonly mesh: TestApp;
  /** Opens a page of the console. The test fails on each error that the page logs, and on each violation of its policy. */
  readonly open: (path: string, options?: BrowserContextOptions) => Promise<Page>;
  /** Accepts logged errors that the test causes. */
  readonly expectErrors: (pattern: RegExp) => void;
}

let browser: Promise<Browser> | undefined;

/** The browser of the folder, which starts at first use. */
function sharedBrowser(): Promise<Browser> {
  if (!browser) {
    browser = startBrowser();
    closeAfterFolder(async () => (await browser)?.close());
  }
  return browser;
}

/** @param options of an application of its own; else the one that all specs of the folder share */
export function useConsole(options?: Parameters<typeof useApp>[0]): ConsoleTest {
  const contexts: BrowserContext[] = [];
  const problems: string[] = [];
  const expected: RegExp[] = [];
  // The application reads the build when it starts.
  beforeAll(async () => {
    await Promise.all([buildConsole(), sharedBrowser()]);
  });
  const mesh = options ? useApp(options) : useSharedApp();
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    const unexpected = problems.filter((text) => !expected.some((pattern) => pattern.test(text)));
    for (const list of [contexts, problems, expected]) list.length = 0;
    expect(unexpected).toEqual([]);
  });
  return {
    mesh,
    async open(path, contextOptions) {
      const context = await (
        await sharedBrowser()
      ).newContext({
        baseURL: mesh.url,
        viewport: { width: 1280, height: 800 },
        reducedMotion: 'reduce',
        ...contextOptions,
      });
      context.setDefaultTimeout(patient(10_000));
      contexts.push(context);
      const page = await context.newPage();
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      page.on('pageerror', ({ message }) => problems.push(message));
      await page.addInitScript(REPORT_VIOLATIONS);
      await page.goto(path);
      return page;
    },
    expectErrors(pattern) {
      expected.push(pattern);
    },
  };
}

const REPORT_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) => {
  console.error('CSP: ' + event.violatedDirective + ' ' + event.blockedURI);
})`;

/** Signs in with a development token on the page that is open. */
export async function signInAs(page: Page, role: string, name?: string): Promise<void> {
  await page.getByLabel('Role').fill(role);
  if (name !== undefined) await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('navigation').waitFor();
}

/** Expects no violation of the accessibility rules of axe, and that the page does not scroll sideways. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate<string[]>(
    `axe.run().then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`,
  );
  expect(violations).toEqual([]);
  const { scrollWidth, clientWidth } = await page.evaluate<Record<string, number>>(
    '(({ scrollWidth, clientWidth }) => ({ scrollWidth, clientWidth }))(document.documentElement)',
  );
  expect(scrollWidth).toBe(clientWidth);
}
