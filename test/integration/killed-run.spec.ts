import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { accepts } from '../support/accepts.js';
import { waitForEnd } from '../support/embedded-postgres-folders.js';
import { endWithRun } from '../support/end-with-run.js';
import { eventually } from '../support/eventually.js';

interface Started {
  pids: number[];
  folders: string[];
  /** URLs of the servers of the whole run. */
  shared: string[];
}

describe('a run of the tests that is killed', () => {
  let folder: string;
  let run: ChildProcess | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'killed-run-'));
  });

  afterEach(() => {
    run?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s leaves no server, controller, worker or folder behind',
    async (signal) => {
      const started = await startRun(join(folder, 'started'));
      expect(await Promise.all(started.shared.map(accepts))).toEqual([true, true]);

      run?.kill(signal);

      expect(await Promise.all(started.pids.map(waitForEnd))).toEqual(started.pids.map(() => true));
      const folders = () => started.folders.filter(existsSync);
      expect(await eventually(folders, (paths) => paths.length === 0)).toEqual([]);
      expect(await Promise.all(started.shared.map(accepts))).toEqual([false, false]);
    },
    120_000,
  );

  /** Starts a run of two tests, and waits until they have started their servers. */
  async function startRun(file: string): Promise<Started> {
    const jest = ['node_modules/jest/bin/jest.js', '-c', 'test/support/killed-run/jest.config.js'];
    run = spawn(process.execPath, ['--experimental-vm-modules', ...jest, '-w', '2'], {
      env: { ...process.env, REDIS_URL: '', KILLED_RUN: file },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    endWithRun(run);
    let log = '';
    run.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const ended = once(run, 'close').then(() => true);
    const hasStarted = () => existsSync(file);
    const isReady = eventually(hasStarted, Boolean, 60_000);
    if ((await Promise.race([isReady, ended.then(() => false)])) && hasStarted())
      return JSON.parse(readFileSync(file, 'utf8')) as Started;
    throw new Error(`The run did not start: ${log}`);
  }
});
