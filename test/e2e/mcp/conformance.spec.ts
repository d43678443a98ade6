import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { BearerProxy } from '../../support/bearer-proxy.js';

const CLI = resolve('node_modules/@modelcontextprotocol/conformance/dist/index.js');
const BASELINE = resolve('test/conformance-baseline.yml');
const NOT_APPLICABLE = (parse(readFileSync(BASELINE, 'utf8')) as { server: string[] }).server;

let mesh: TestApp;
let proxy: BearerProxy;
let folder: string;

describe('MCP conformance', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
    proxy = await BearerProxy.start(mesh.url, tokenFor('finance'));
    folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await proxy.close();
    await mesh.close();
  });

  // The program ends with 1 also when something passes that is listed as not applicable.
  it('passes every applicable check', async () => {
    const args = [CLI, 'server', '--url', `${proxy.url}/mcp`, '--suite', 'all'];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...args, '--expected-failures', BASELINE],
      { cwd: folder, env: { PATH: process.env.PATH } },
    );
    const passed = [...stdout.matchAll(/✓ ([\w-]+): [1-9]\d* passed, 0 failed/g)].map(
      ([, name]) => name,
    );

    expect(passed).toEqual([
      'server-initialize',
      'ping',
      'tools-list',
      'server-sse-multiple-streams',
      'resources-list',
      'prompts-list',
      'dns-rebinding-protection',
    ]);
  }, 120_000);

  it('fails only the checks that the documentation lists', () => {
    const page = readFileSync('docs/agent-mesh.md', 'utf8');
    const [, section = ''] = /## Conformance\n([^]*?)(?=\n## |$)/.exec(page) ?? [];
    const [, table = ''] = /\n((?:\|.*\n)+)/.exec(section) ?? [];
    const documented = [...table.matchAll(/`([a-z]+(?:-[a-z0-9]+)+)`/g)].map(([, name]) => name);

    expect(documented.sort()).toEqual([...NOT_APPLICABLE].sort());
  });
});
