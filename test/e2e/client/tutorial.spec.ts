import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { tokenFor } from '../../support/app.js';
import { endWithRun } from '../../support/end-with-run.js';
import { until } from '../../support/eventually.js';
import { useApp } from '../../support/kit.js';
import { packedClient } from '../../support/packed-client.js';

const PAGE = readFileSync('docs/tutorials/first-worker.md', 'utf8');
/** The programs of the page, by the names in front of their blocks. */
const PROGRAMS = [...PAGE.matchAll(/^`(\w+\.js)`:\n\n```js\n([^]*?)^```$/gm)].map(
  ([, name = '', text = '']) => ({ name, text }),
);
const WAITING = 'attempt 1: waiting for a decision about 50000';

class Program {
  output = '';
  readonly ended: Promise<unknown>;

  constructor(private readonly child: ChildProcess) {
    endWithRun(child);
    this.ended = once(child, 'close');
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  prints(line: string): Promise<void> {
    return until(() => this.output.includes(line));
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

describe('The tutorial docs/tutorials/first-worker.md', () => {
  const mesh = useApp();
  let folder: string;

  beforeAll(async () => {
    folder = await packedClient();
    for (const { name, text } of PROGRAMS) await writeFile(join(folder, name), text);
    for (const role of ['finance', 'manager', 'cfo'])
      await writeFile(join(folder, `${role}.token`), `${tokenFor(role, `${role}-agent`)}\n`);
  }, 120_000);

  const run = (name: string): Program =>
    new Program(
      spawn(process.execPath, [name], {
        cwd: folder,
        env: { PATH: process.env.PATH, MESH_URL: mesh.url },
      }),
    );

  it('shows what its programs do', async () => {
    expect(PROGRAMS.map(({ name }) => name)).toEqual(['worker.js', 'route.js', 'approve.js']);
    const first = run('worker.js');
    const route = run('route.js');
    await first.prints(WAITING);
    await first.end('SIGKILL');
    const second = run('worker.js');
    await second.prints(WAITING);
    await run('approve.js').ended;
    await route.ended;
    await second.prints('approved by agent-mesh-dev#cfo-agent');
    await second.end('SIGTERM');

    const shown = PAGE.match(/^```text\n([^]*?)^```$/m)?.[1] ?? 'nothing';
    expect(route.output).toContain(shown);
    expect(await mesh.query('SELECT id FROM approvals')).toHaveLength(1);
    expect(await mesh.query("SELECT id FROM sessions WHERE status = 'active'")).toEqual([]);
  });
});
