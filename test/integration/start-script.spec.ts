import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { endWithRun } from '../support/end-with-run.js';

/** Stands for the controller: tells its process, and ends well when it is told to. */
const PROGRAM = `
  process.once('SIGTERM', () => process.exit(0));
  process.once('SIGINT', () => process.exit(0));
  setInterval(() => undefined, 1_000);
  console.log(process.pid);
`;

describe('start scripts', () => {
  let folder: string;
  let npm: ChildProcess | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'start-'));
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ type: 'module', scripts: { ...scripts, build: 'true' } }),
    );
    await copyFile('build-when-stale.js', join(folder, 'build-when-stale.js'));
    await mkdir(join(folder, 'dist/src'), { recursive: true });
    await writeFile(join(folder, 'dist/src/main.js'), PROGRAM);
  });

  afterEach(async () => {
    endGroup(npm?.pid);
    await rm(folder, { recursive: true });
  });

  // A service manager tells npm, and npm the shell that it runs the script with.
  it.each([
    ['start', 'SIGTERM'],
    ['start', 'SIGINT'],
    ['start:prod', 'SIGTERM'],
  ] as const)('npm run %s forwards %s', async (script, signal) => {
    npm = spawn('npm', ['run', '--silent', script], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true, // so that whatever is left has a group to be ended with
    });
    endWithRun(npm);
    const ended = once(npm, 'close');
    const [pid] = (await once(npm.stdout as Readable, 'data')) as [Buffer];
    npm.kill(signal);
    expect(await ended).toEqual([0, null]);
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  });
});

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}
