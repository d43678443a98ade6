import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { multiarch, onPath, unpackDebianPackage } from './debian-packages.js';
import { until } from './eventually.js';
import { endWithRun, removeWithRun } from './end-with-run.js';

export type BalancerKind = 'nginx' | 'haproxy';

export interface BalancerOptions {
  /** Seconds that an idle connection to a server is kept for the next request. */
  idleSeconds?: number;
  /** Whether HAProxy checks readiness, every 500 ms. */
  checks?: boolean;
  /** Prefix that the balancer removes from paths (nginx only). */
  prefix?: string;
}

/**
 * A reverse proxy in front of controllers, which sends no request twice: a request that a server does not answer is a 502.
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
    const { idleSeconds = 60, prefix = '', checks = true } = this.options;
    const text =
      this.kind === 'nginx'
        ? nginxConfiguration(port, hosts, idleSeconds, prefix)
        : haproxyConfiguration(port, hosts, idleSeconds, checks);
    await writeFile(this.file, text);
  }
}

function nginxConfiguration(
  port: string,
  hosts: readonly string[],
  idleSeconds: number,
  prefix: string,
): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path temp/${name};`,
  );
  return `
${process.geteuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  ${temp.join('\n  ')}
  access_log off;
  upstream mesh {
    ${hosts.map((host) => `server ${host} max_fails=0;`).join('\n    ')}
    keepalive 64;
    keepalive_timeout ${idleSeconds}s;
  }
  server {
    listen 127.0.0.1:${port};
    location ${prefix}/ {
      proxy_pass http://mesh${prefix === '' ? '' : '/'};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_next_upstream off;
    }
  }
}
`;
}

function haproxyConfiguration(
  port: string,
  hosts: readonly string[],
  idleSeconds: number,
  checks: boolean,
): string {
  const check = checks ? 'check inter 500ms fall 2 rise 1' : '';
  const server = (host: string, index: number): string =>
    `  server s${index} ${host} ${check} pool-purge-delay ${idleSeconds}s`;
  return `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  timeout check 2s
  retries 0
  http-reuse always
  option forwardfor
frontend clients
  bind 127.0.0.1:${port}
  default_backend mesh
backend mesh
  balance roundrobin
  option httpchk GET /health/ready
${hosts.map(server).join('\n')}
`;
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
