import { type ChildProcess, spawn } from 'node:child_process';
import { until } from './eventually.js';
import { endWithRun } from './end-with-run.js';

/** A program that a test runs, with its output. It has only the environment that the test names, and PATH. */
export class ProgramRun {
  /** The text of its standard output and its standard error. */
  output = '';
  errors = '';
  /** Resolves with the exit code when the process has ended; null: a signal ended it. */
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(
    program: string,
    args: readonly string[],
    {
      env = {},
      cwd,
      input,
    }: { env?: Record<string, string | undefined>; cwd?: string; input?: string } = {},
  ) {
    const child = spawn(program, args, {
      env: { PATH: process.env.PATH, ...env },
      cwd,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    endWithRun(child);
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
  }

  /** Waits until its standard error contains a text. */
  async reports(text: string): Promise<void> {
    await until(() => this.errors.includes(text)).catch((error: unknown) => {
      throw new Error(`"${text}" is missing in: ${this.errors}`, { cause: error });
    });
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.child.kill(signal);
  }

  /** Waits for its end. Returns the exit code and the output. */
  async result(): Promise<{ code: number | null; output: string; errors: string }> {
    const code = await this.ended;
    return { code, output: this.output, errors: this.errors };
  }
}
