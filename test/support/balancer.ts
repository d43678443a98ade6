import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import {
  balancerConfiguration,
  type BalancerKind,
  type BalancerOptions,
} from './balancer-configuration.js';
import { multiarch, onPath, unpackDebianPackage } from './debian-packages.js';
import { until } from './eventually.js';
import { endWithRun, removeWithRun } from './end-with-run.js';

/**
 * A reverse proxy in front of controllers. Without `isDocumented` it sends no request twice: a request that a server does
 * not answer is a 502.
 */
export class Balancer {
  private output = '';

  private constructor(
    readonly kind: BalancerKind,
    readonly url: string,
    private readonly folder: string,
    private readonly options: BalancerOptions,
    private child: ChildProcess | undefined,
  ) {}

  /** Starts nginx or HAProxy on a free port of the loopback interface, in front of the servers at these URLs. */
  static async start(
    kind: BalancerKind,
    servers: readonly string[],
    options: BalancerOptions = {},
  ): Promise<Balancer> {
    const folder = await mkdtemp(join(tmpdir(), `agent-mesh-${kind}-`));
    removeWithRun(folder);
    const port = await freePort();
    const balancer = new Balancer(kind, `http://127.0.0.1:${port}`, folder, options, undefined);
    await balancer.configure(servers);
    const { path, env } = await findProgram(kind);
    const child = spawn(path, balancer.programArguments(), {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // its processes are a group, to be ended together
    });
    endWithRun(child);
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (balancer.output += chunk.toString()));
    balancer.child = child;
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${kind} did not start: ${balancer.output}`);
      return isListening(port);
    });
    return balancer;
  }

  /** Lets nginx use other servers; requests in flight finish. */
  async reload(servers: readonly string[]): Promise<void> {
    await this.configure(servers);
    this.child?.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    if (this.child?.exitCode === null) {
      this.child.kill('SIGTERM');
      await once(this.child, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private get file(): string {
    return join(this.folder, 'balancer.conf');
  }

  private programArguments(): string[] {
    return this.kind === 'nginx'
      ? ['-p', this.folder, '-c', this.file, '-e', 'stderr']
      : ['-db', '-f', this.file];
  }

  private async configure(servers: readonly string[]): Promise<void> {
    await mkdir(join(this.folder, 'temp'), { recursive: true });
    const { port } = new URL(this.url);
    const hosts = servers.map((server) => new URL(server).host);
    await writeFile(this.file, balancerConfiguration(this.kind, port, hosts, this.options));
  }
}

/** Finds a program on the PATH, or, for root on Debian, in the system's package. */
async function findProgram(
  name: BalancerKind,
): Promise<{ path: string; env: Record<string, string> }> {
  const installed = onPath(name);
  if (installed) return { path: installed, env: {} };
  const folder = await unpackDebianPackage(name);
  const libraries = ['usr/lib', 'lib'].map((path) => join(folder, path, multiarch));
  return {
    path: join(folder, 'usr/sbin', name),
    env: { LD_LIBRARY_PATH: libraries.join(delimiter) },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
