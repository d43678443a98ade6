import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { newSubject, tokenFor } from '../../support/app.js';
import { startBrowser } from '../../support/chromium.js';
import { useApp } from '../../support/kit.js';
import { packedClient } from '../../support/packed-client.js';
import { PageServer } from '../../support/page-server.js';

const PACKAGES = ['@agent-mesh/client', 'canonicalize', 'eventsource-parser'];

/** An agent page: it routes a task, works on it, reads its events, and shows the outcome. */
const PROGRAM = `
import { createClient, digestOf, Worker } from '@agent-mesh/client';

const { baseUrl, requesterToken, workerToken, role } = JSON.parse(document.body.dataset.settings);
const requester = createClient({ baseUrl, token: requesterToken });
const client = createClient({ baseUrl, getToken: () => workerToken });

async function run() {
  const worker = new Worker(client, { role, leaseSeconds: 30 });
  worker.on('review', async ({ data }, ctx) => ({ attempt: ctx.attempt, digest: await digestOf(data) }));
  const { next: after } = (
    await requester.request({ method: 'GET', path: '/events', query: { after: 'head' } })
  ).body;
  const task = { target: role, task: { task_type: 'review', data: { amount: 5 } } };
  const { task_id } = await requester.tasks.route(task, { idempotencyKey: role });
  const repeated = await requester.request({
    method: 'POST', path: '/tasks/route', body: task, idempotencyKey: role,
  });
  const started = await requester.tasks.changed(task_id, {});
  const working = worker.start();
  const result = await requester.tasks.result(task_id, { timeoutMs: 60_000 });
  const changed = await requester.tasks.changed(task_id, { etag: started.etag });
  await worker.stop();
  await working;
  const types = [];
  for await (const { event } of requester.events({ after, taskId: task_id })) {
    types.push(event.type);
    if (event.type === 'session.transitioned') break;
  }
  return { result, types, replayed: repeated.replayed, status: changed.task.status };
}

const output = document.createElement('output');
output.textContent = JSON.stringify(await run().catch((error) => ({ error: String(error), code: error.code })));
document.body.append(output);
`;

const INSECURE_PROGRAM = `
import { digestOf } from '@agent-mesh/client';

const output = document.createElement('output');
output.textContent = await digestOf({}).catch(({ code }) => code);
document.body.append(output);
`;

describe('The packed package in a browser', () => {
  let folder = '';
  let browser: Browser;
  let origin = '';
  const server = new PageServer(() => folder);

  beforeAll(async () => {
    origin = await server.start();
    [browser, folder] = await Promise.all([startBrowser(), packedClient()]);
  }, 120_000);
  const mesh = useApp(() => ({ env: { CORS_ORIGINS: origin } }));
  afterAll(async () => {
    server.close();
    await browser.close();
  });

  it('routes a task, works on it, and reads its events, from a page of another origin', async () => {
    const role = newSubject('manager');
    server.html = await pageOf(folder, PROGRAM, {
      baseUrl: mesh.url,
      requesterToken: tokenFor('finance', newSubject('finance')),
      workerToken: tokenFor(role, newSubject('manager')),
      role,
    });
    const page = await browser.newPage();
    await page.goto(`${origin}/`);

    expect(JSON.parse(await textOfOutput(page))).toEqual({
      result: { attempt: 1, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
      types: ['task.routed', 'task.claimed', 'session.transitioned'],
      replayed: true,
      status: 'completed',
    });
  }, 90_000);

  it('refuses a digest on a page of plain HTTP', async () => {
    server.html = await pageOf(folder, INSECURE_PROGRAM, {});
    const page = await browser.newPage();
    // A host that is not this machine, with the files of the server.
    await page.route('http://agents.example/**', async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ response: await route.fetch({ url: `${origin}${pathname}` }) });
    });
    await page.goto('http://agents.example/');

    expect(await textOfOutput(page)).toBe('mesh.insecure_context');
  }, 90_000);
});

async function textOfOutput(page: Page): Promise<string> {
  const output = page.locator('output');
  await output.waitFor({ state: 'attached', timeout: 90_000 });
  return (await output.textContent()) ?? '';
}

/** A page that finds the packages by an import map, as without a bundler. */
async function pageOf(folder: string, program: string, settings: object): Promise<string> {
  const imports = Object.fromEntries(
    await Promise.all(PACKAGES.map(async (name) => [name, await entryOf(folder, name)] as const)),
  );
  return `<!doctype html><meta charset="utf-8">
<script type="importmap">${JSON.stringify({ imports })}</script>
<body data-settings='${JSON.stringify(settings)}'>
<script type="module">${program}</script>`;
}

interface Manifest {
  exports: { '.': { import?: string; default?: string } };
}

async function entryOf(folder: string, name: string): Promise<string> {
  const path = `node_modules/${name}`;
  const text = await readFile(join(folder, path, 'package.json'), 'utf8');
  const { import: module, default: fallback } = (JSON.parse(text) as Manifest).exports['.'];
  return join('/', path, module ?? fallback ?? '');
}
