import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { nodeProgram } from '../../support/node-program.js';
import { useApp } from '../../support/kit.js';
import { packedClient } from '../../support/packed-client.js';

const run = promisify(execFile);
const TSC = resolve('node_modules/typescript/bin/tsc');

const CONSUMER = `
import { createClient, digestOf, Worker, type Task } from '@agent-mesh/client';

declare const process: { env: Record<string, string> };
const { BASE_URL, FINANCE, MANAGER, ROLE } = process.env;
if (!BASE_URL || !FINANCE || !MANAGER || !ROLE) throw new Error('a variable is missing');

const finance = createClient({ baseUrl: BASE_URL, token: FINANCE });
const manager = createClient({ baseUrl: BASE_URL, getToken: () => MANAGER });
const worker = new Worker(manager, { role: ROLE, leaseSeconds: 30 });
worker.on('budget_approval', async (task: Task, ctx) => ({
  attempt: ctx.attempt,
  digest: await digestOf(task.data),
}));
const running = worker.start();
const { task_id } = await finance.tasks.route({
  target: ROLE,
  task: { task_type: 'budget_approval', data: { amount: 5 } },
});
console.log(JSON.stringify(await finance.tasks.result(task_id, { timeoutMs: 20_000 })));
await worker.stop();
await running;
`;

/** The lowest versions of Node.js that the package names, one of each major version. */
const { engines } = JSON.parse(readFileSync('packages/client/package.json', 'utf8')) as {
  engines: { node: string };
};
const NODE_VERSIONS = engines.node.match(/\d+\.\d+\.\d+/g) ?? [];

describe('The packed package', () => {
  const mesh = useApp();
  let folder: string;

  beforeAll(async () => {
    folder = await packedClient();
    await writeFile(join(folder, 'consumer.ts'), CONSUMER);
  }, 120_000);

  it('contains the build, its types and no other file', async () => {
    const installed = join(folder, 'node_modules/@agent-mesh/client');
    expect((await readdir(installed)).sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist',
      'package.json',
    ]);
    const files = await readdir(join(installed, 'dist'), { recursive: true });
    expect(files).toEqual(expect.arrayContaining(['index.js', 'index.d.ts']));
    expect(files.filter((file) => file.includes('.spec.') || file.endsWith('.map'))).toEqual([]);
  });

  it.each([
    { module: 'node16', moduleResolution: 'node16' },
    { module: 'esnext', moduleResolution: 'bundler' },
  ])(
    'has types that resolve under $moduleResolution and are strict',
    async (options) => {
      const compilerOptions = {
        ...options,
        target: 'es2022',
        lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
      };
      const project = join(folder, `tsconfig.${options.moduleResolution}.json`);
      await writeFile(project, JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
      const { stdout } = spawnSync(process.execPath, [TSC, '-p', project], { encoding: 'utf8' });

      expect(stdout).toBe('');
    },
    60_000,
  );

  it('names the versions of Node.js that it is tested on', () => {
    expect(NODE_VERSIONS.map((version) => version.split('.')[0])).toEqual(['20', '22', '24']);
  });

  it.each(NODE_VERSIONS)(
    'works from an empty folder on Node.js %s',
    async (version) => {
      const ROLE = newSubject('manager');
      const env = {
        PATH: process.env.PATH,
        BASE_URL: mesh.url,
        FINANCE: tokenFor('finance', newSubject('finance')),
        MANAGER: tokenFor(ROLE, newSubject('manager')),
        ROLE,
      };
      const node = await nodeProgram(version);
      const { stdout, stderr } = await run(node, ['consumer.js'], { cwd: folder, env });

      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual({
        attempt: 1,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
    },
    180_000,
  );
});
