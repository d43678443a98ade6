import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WorkOrder, WorkReport } from './work-order.js';

/** What a worker's process runs, and what Node needs for it. */
export interface WorkerProgram {
  file: string;
  execArgv: string[];
}

export const COMPILED_WORKER: WorkerProgram = {
  file: fileURLToPath(new URL('demo-worker-process.js', import.meta.url)),
  execArgv: [],
};

/** An agent in a process of its own, so that it can be killed. */
export class DemoWorker {
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  constructor(
    readonly name: string,
    { file, execArgv }: WorkerProgram,
    listener: (worker: DemoWorker, report: WorkReport) => void,
  ) {
    this.child = fork(file, { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.ended = once(this.child, 'close');
    this.child.on('message', (report) => {
      listener(this, report as WorkReport);
    });
  }

  order(order: WorkOrder): void {
    this.child.send(order);
  }

  /** Ends it without a word to anybody, as a crash would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
