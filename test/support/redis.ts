import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { endWithRun, removeWithRun } from './end-with-run.js';
import { patient } from './patience.js';
import { findRedisProgram, RedisProgram } from './redis-program.js';

/** A Redis server of its own for tests, which nobody starts again but `restart()`. */
export interface TestRedis {
  readonly url: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
  /** Sends the server a signal, such as SIGKILL or SIGSTOP. */
  kill(signal: NodeJS.Signals): void;
  /** Stops the server if it runs and starts it, empty, on the same port. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

/**
 * The Redis of `REDIS_URL`, or one of its own where that is not set: for tests that need just any
 * Redis. `stop()` ends only what this function started.
 */
export async function testRedisUrl(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env.REDIS_URL;
  return url ? { url, stop: () => Promise.resolve() } : startTestRedis();
}

/** Starts an empty server on a free port of the loopback interface; `args` go to `redis-server`. */
export function startTestRedis(args: string[] = []): Promise<TestRedis> {
  return startServer((port, folder) =>
    Promise.resolve([...placeOf(port, folder), '--save', '', '--appendonly', 'no', ...args]),
  );
}

/** Starts a Sentinel that monitors the primary at a port as `mesh`, and fails over after half a second. */
export function startTestSentinel(primaryPort: number): Promise<TestRedis> {
  return startServer(async (port, folder) => {
    // A Sentinel writes its state into this file.
    const file = join(folder, 'sentinel.conf');
    await writeFile(
      file,
      `sentinel monitor mesh 127.0.0.1 ${primaryPort} 1
       sentinel down-after-milliseconds mesh 500
       sentinel failover-timeout mesh 1000
      `.replaceAll(/^ +/gm, ''),
    );
    return [file, '--sentinel', ...placeOf(port, folder)];
  });
}

function placeOf(port: number, folder: string): string[] {
  return ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
}

/** @param argumentsOf returns the arguments of `redis-server` on a port and with a folder */
async function startServer(
  argumentsOf: (port: number, folder: string) => Promise<string[]>,
): Promise<TestRedis> {
  const program = await findRedisProgram();
  const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-redis-'));
  removeWithRun(folder);
  const port = await freePort();
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const args = await argumentsOf(port, folder);
  let child = await launch(program, port, args).catch(async (error: unknown) => {
    await removeFolder();
    throw error;
  });

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    kill: (signal) => {
      child.kill(signal);
    },
    restart: async () => {
      await end(child);
      child = await launch(program, port, args);
    },
    stop: async () => {
      await end(child);
      await removeFolder();
    },
  };
}

async function launch(
  { path, env }: RedisProgram,
  port: number,
  args: string[],
): Promise<ChildProcess> {
  const child = spawn(path, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithRun(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-2000)));
  }
  const ended = once(child, 'exit').catch((error: unknown) => error);
  const deadline = Date.now() + patient(START_TIMEOUT_MS);
  while (!hasEnded(child) && Date.now() < deadline) {
    await Promise.race([sleep(25), ended]);
    if (await answers(port)) return child;
  }
  await end(child);
  throw new Error(`redis-server did not start on port ${port}: ${output}`);
}

/** Whether a Redis takes commands there; one that asks for a password first does, too. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1').setTimeout(1000, () => socket.destroy());
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return /^(\+PONG|-NOAUTH)/.test(reply.toString());
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) return;
  const exit = once(child, 'exit');
  // There is nothing to save, and a paused server would not hear a polite signal.
  child.kill('SIGKILL');
  await exit;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
