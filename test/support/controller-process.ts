import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { TEST_SECRET } from './app.js';
import type { ChildOptions } from './controller-child.js';
import type { Faults } from './controller-faults.js';
import { endWithRun } from './end-with-run.js';
import { patient } from './patience.js';
import { programFile } from './program-file.js';

export interface ControllerOptions extends Faults {
  databaseUrl: string;
  redisUrl?: string;
  env?: Record<string, string>;
  /** Of the process itself, such as that of a clock which is wrong. */
  processEnv?: Record<string, string>;
}

const CHILD = 'test/support/controller-child.js';
const MAIN = 'src/main.js';
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
    endWithRun(child);
    this.ended = new Promise((resolve) => child.once('close', resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    }
  }

  /** Starts a controller and waits until it answers. */
  static async start(options: ControllerOptions): Promise<ControllerProcess> {
    const controller = new ControllerProcess(launch(options));
    return controller.begin(() => controller.told());
  }

  /** Starts the program as it runs in production, told by variables alone, and waits until it listens. */
  static async startMain(
    env: Record<string, string>,
    program?: string,
  ): Promise<ControllerProcess> {
    const controller = await ControllerProcess.launchMain(env, program);
    return controller.begin(() => controller.listening());
  }

  /** The same, without waiting for anything; `program` is the main program of another version. */
  static async launchMain(
    env: Record<string, string>,
    program = programFile(MAIN),
  ): Promise<ControllerProcess> {
    const PORT = env.PORT ?? String(await freePort());
    const controller = new ControllerProcess(
      spawn(process.execPath, [program], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: process.env.PATH,
          HOST: '127.0.0.1',
          JWT_SECRET: TEST_SECRET,
          RATE_LIMIT_ENABLED: 'false',
          API_DOCS_ENABLED: 'false',
          CONSOLE_ENABLED: 'false',
          MAX_LAG_MS: '60000',
          LOG_LEVEL: 'warn',
          ...env,
          PORT,
        },
      }),
    );
    controller.url = `http://127.0.0.1:${PORT}`;
    return controller;
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

  /** Closes its standard output and error, as a reader of its log does that ends. */
  stopReading(): void {
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
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
    }, patient(STOP_TIMEOUT_MS));
    await this.ended;
    clearTimeout(timer);
  }

  private async begin(started: () => Promise<void>): Promise<this> {
    const gone = this.ended.then(() => {
      throw new Error('it ended');
    });
    gone.catch(() => undefined);
    try {
      await Promise.race([started(), gone]);
      return this;
    } catch (error) {
      this.kill();
      throw new Error(`The controller did not start: ${this.output}`, { cause: error });
    }
  }

  /** Waits until it tells where it listens. */
  private async told(): Promise<void> {
    const signal = AbortSignal.timeout(patient(START_TIMEOUT_MS));
    const message = once(this.child, 'message', { signal }) as Promise<[{ url: string }]>;
    const [{ url }] = await message;
    this.url = url;
  }

  /** Waits until it answers where it was told to. */
  private async listening(): Promise<void> {
    const deadline = performance.now() + patient(START_TIMEOUT_MS);
    while (!this.hasEnded) {
      const answer = await fetch(`${this.url}/health/live`).catch(() => undefined);
      if (answer?.ok) return;
      if (performance.now() > deadline) throw new Error('it does not listen');
      await sleep(50);
    }
  }
}

function launch({
  databaseUrl,
  redisUrl,
  env,
  processEnv,
  ...faults
}: ControllerOptions): ChildProcess {
  const options: ChildOptions = {
    ...faults,
    databaseUrl,
    env: { API_DOCS_ENABLED: 'false', ...(redisUrl && { REDIS_URL: redisUrl }), ...env },
  };
  return spawn(process.execPath, [programFile(CHILD), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '', ...processEnv },
  });
}
