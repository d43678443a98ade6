import type { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';

/** Ends a process if the run of the tests is killed before the process has ended. */
export function endWithRun(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  note({ started: pid });
  child.once('exit', () => {
    note({ ended: pid });
  });
}

/** Removes a folder, and ends the PostgreSQL servers of the clusters in it, if the run of the tests is killed. */
export function removeWithRun(folder: string): void {
  note({ folder });
}

/** Ends this process, a worker of Jest, if the run of the tests is killed. */
export function endWorkerWithRun(): void {
  note({ worker: process.pid });
}

function note(line: object): void {
  const file = process.env.TEST_WATCHED;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
}
