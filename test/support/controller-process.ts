import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChildOptions } from './controller-child.js';
import type { Faults } from './controller-faults.js';

export interface ControllerOptions extends Faults {
  databaseUrl: string;
  redisUrl?: string;
  env?: Record<string, string>;
}

const REGISTER = new URL('register-typescript.js', import.meta.url).href;
const CHILD = fileURLToPath(new URL('controller-child.ts', import.meta.url));
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** A controller as a process of its own, on a free port of the loopback interface; ends with whoever started it. */
export class ControllerProcess {
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  url = '';
  private text = '';
  private expected = false;

  private constructor(private readonly child: ChildProcess) {
    this.ended = new Promise((resolve) => child.once('close', resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    }
  }

  /** Starts a controller and waits until it answers. */
  static async start(options: ControllerOptions): Promise<ControllerProcess> {
    const controller = new ControllerProcess(launch(options));
    try {
      await controller.listening();
      return controller;
    } catch (error) {
      controller.kill();
      throw new Error(`The controller did not start: ${controller.output}`, { cause: error });
    }
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** What it wrote to its standard output and error. */
  get output(): string {
    return this.text;
  }

  /** Null while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.child.exitCode;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Whether it ended although nobody here told it to. */
  get diedByItself(): boolean {
    return this.hasEnded && !this.expected;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.expected = true;
    this.child.kill(signal);
  }

  /** Lets it finish what is in flight; waits until it has ended. */
  async stop(): Promise<void> {
    if (!this.hasEnded) this.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.kill();
    }, STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }

  private async listening(): Promise<void> {
    const signal = AbortSignal.timeout(START_TIMEOUT_MS);
    const gone = this.ended.then(() => {
      throw new Error('it ended');
    });
    const message = once(this.child, 'message', { signal }) as Promise<[{ url: string }]>;
    const [{ url }] = await Promise.race([message, gone]);
    gone.catch(() => undefined);
    this.url = url;
  }
}

function launch({ databaseUrl, redisUrl, env, ...faults }: ControllerOptions): ChildProcess {
  const options: ChildOptions = {
    ...faults,
    databaseUrl,
    env: { API_DOCS_ENABLED: 'false', ...(redisUrl && { REDIS_URL: redisUrl }), ...env },
  };
  return spawn(process.execPath, ['--import', REGISTER, CHILD, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}
