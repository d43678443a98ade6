import { type ChildProcess, spawn } from 'node:child_process';
import type { WorkerEvent } from '@agent-mesh/client';
import { endWithRun } from './end-with-run.js';
import { programFile } from './program-file.js';

export interface WorkerProcessOptions {
  baseUrl: string;
  token: string;
  role: string;
  approverRole: string;
  cashierRole: string;
  leaseSeconds: number;
  identity: 'exclusive' | 'shared';
  concurrency?: number;
  /** The step at which the process kills itself. */
  killAt?: string;
  /** The probability of that at each step. */
  killChance?: number;
}

/** A worker in a process of its own. */
export class WorkerProcess {
  /** Resolves with the signal that ended it, or null. */
  readonly ended: Promise<NodeJS.Signals | null>;
  readonly events: WorkerEvent[] = [];
  private readonly child: ChildProcess;
  private text = '';

  constructor(options: WorkerProcessOptions) {
    const program = programFile('test/support/client-worker.js');
    this.child = spawn(process.execPath, [program, JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    endWithRun(this.child);
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (_code, signal) => {
        resolve(signal);
      });
    });
    this.child.on('message', (event) => this.events.push(event as WorkerEvent));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
  }

  /** What it wrote to standard error. */
  get output(): string {
    return this.text;
  }

  /** Lets its tasks end; returns when the process has ended. */
  async stop(): Promise<NodeJS.Signals | null> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}
