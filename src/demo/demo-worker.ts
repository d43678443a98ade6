import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WorkOrder, WorkReport } from './work-order.js';

/** The program of a worker process, and its Node options. */
export interface WorkerProgram {
  file: string;
  execArgv: string[];
}

export const COMPILED_WORKER: WorkerProgram = {
  file: fileURLToPath(new URL('demo-worker-process.js', import.meta.url)),
  execArgv: [],
};

/** An agent in a separate process, so that the demo can kill it. */
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

  /** Kills the process without a clean shutdown, like a crash. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
