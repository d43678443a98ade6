import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { multiarch, onPath, unpackDebianPackage } from './debian-packages.js';
import { endWithRun, removeWithRun } from './end-with-run.js';
import { until } from './eventually.js';

const run = promisify(execFile);
const CONFIGURATION = 'deploy/prometheus';

interface Target {
  health: string;
  lastError: string;
  labels: Record<string, string>;
}

interface Rule {
  name: string;
  health: string;
  lastError?: string;
  query: string;
}

/** A Prometheus that scrapes one controller with the configuration of `deploy/prometheus`, each second. */
export class Prometheus {
  private output = '';

  private constructor(
    private readonly url: string,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
  }

  /** @param token of the file that the configuration names */
  static async start(controllerUrl: string, token: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-prometheus-'));
    removeWithRun(folder);
    await cp(CONFIGURATION, folder, { recursive: true });
    const file = join(folder, 'prometheus.yml');
    const text = await readFile(file, 'utf8');
    const quick = text
      .replaceAll('15s', '1s')
      .replace('127.0.0.1:8088', new URL(controllerUrl).host);
    await Promise.all([writeFile(file, quick), writeFile(join(folder, 'token'), `${token}\n`)]);
    const port = await freePort();
    const { path, env } = await findProgram('prometheus');
    const child = spawn(
      path,
      [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    endWithRun(child);
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, folder, child);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`It did not start: ${prometheus.output}`);
      const response = await fetch(`${prometheus.url}/-/ready`).catch(() => undefined);
      return response?.ok === true;
    });
    return prometheus;
  }

  async targets(): Promise<Target[]> {
    return (await this.get<{ activeTargets: Target[] }>('/targets')).activeTargets;
  }

  async rules(): Promise<Rule[]> {
    const { groups } = await this.get<{ groups: { rules: Rule[] }[] }>('/rules');
    return groups.flatMap(({ rules }) => rules);
  }

  /** Evaluates a query now. Rejects with the error of Prometheus. */
  async query(query: string): Promise<unknown[]> {
    const { result } = await this.get<{ result: unknown[] }>(
      `/query?query=${encodeURIComponent(query)}`,
    );
    return result;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      this.child.kill('SIGTERM');
      await once(this.child, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private async get<Data>(path: string): Promise<Data> {
    const response = await fetch(`${this.url}/api/v1${path}`);
    const body = (await response.json()) as { status: string; error?: string; data: Data };
    if (body.status !== 'success') throw new Error(`${path}: ${body.error}`);
    return body.data;
  }
}

/** Runs promtool in `deploy/prometheus`. Rejects with its output. */
export async function promtool(...args: string[]): Promise<string> {
  const { path, env } = await findProgram('promtool');
  const { stdout } = await run(path, args, { cwd: CONFIGURATION, env });
  return stdout;
}

/** Finds a program on the PATH, or, for root on Debian, in the system's package. */
async function findProgram(
  name: 'prometheus' | 'promtool',
): Promise<{ path: string; env: NodeJS.ProcessEnv }> {
  const installed = onPath(name);
  if (installed) return { path: installed, env: process.env };
  const folder = await unpackDebianPackage('prometheus');
  const libraries = ['usr/lib', 'lib'].map((path) => join(folder, path, multiarch));
  return {
    path: join(folder, 'usr/bin', name),
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) },
  };
}
