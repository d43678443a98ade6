import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { accepts } from './accepts.js';
import { multiarch, onPath, unpackDebianPackage, unpackForeignPackage } from './debian-packages.js';
import { endWithRun, removeWithRun } from './end-with-run.js';
import { eventually } from './eventually.js';

interface Program {
  path: string;
  args: readonly string[];
  env: Record<string, string>;
}

export interface PgBouncerProgram extends Program {
  /** As a number, such as 1.18. */
  version: number;
}

/** The first version of PgBouncer that tracks prepared statements, if it is set to. */
export const TRACKING = 1.21;
/** A release of Debian whose PgBouncer does. */
const TRACKING_RELEASE = 'trixie';

/** Finds a PgBouncer that tracks prepared statements: the one of {@link findPgBouncer}, or that of a later Debian. */
export async function findTrackingPgBouncer(): Promise<PgBouncerProgram> {
  const found = await findPgBouncer();
  if (found.version >= TRACKING) return found;
  const { loader, args } = await unpackForeignPackage(
    'pgbouncer',
    TRACKING_RELEASE,
    'usr/sbin/pgbouncer',
  );
  return withVersion({ path: loader, args, env: {} });
}

/** Finds `pgbouncer` on the PATH, or, for root on Debian, in the system's package. */
export async function findPgBouncer(): Promise<PgBouncerProgram> {
  const installed = onPath('pgbouncer');
  if (installed) return withVersion({ path: installed, args: [], env: {} });
  const folder = await unpackDebianPackage('pgbouncer');
  const libraries = ['usr/lib', 'lib'].map((path) => join(folder, path, multiarch));
  return withVersion({
    path: join(folder, 'usr/sbin/pgbouncer'),
    args: [],
    env: { LD_LIBRARY_PATH: libraries.join(delimiter) },
  });
}

async function withVersion(program: Program): Promise<PgBouncerProgram> {
  const { path, args, env } = program;
  const { stdout } = await promisify(execFile)(path, [...args, '--version'], { env });
  return { ...program, version: Number(/^PgBouncer (\d+\.\d+)/.exec(stdout)?.[1]) };
}

/** A PgBouncer on the loopback interface, with its defaults but for the mode and the size of its pool. */
export class PgBouncer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly port: number,
    readonly version: number,
  ) {}

  /** Starts one in front of the server of a database URL. */
  static async start(
    databaseUrl: string,
    settings: Record<string, string>,
    program?: PgBouncerProgram,
  ): Promise<PgBouncer> {
    const { path, args, env, version } = program ?? (await findPgBouncer());
    const { hostname, port: serverPort, username, password } = new URL(databaseUrl);
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'agent-mesh-pgbouncer-')));
    removeWithRun(folder);
    // As root it runs with another account.
    await chmod(folder, 0o711);
    const port = await freePort();
    const login = `user=${username} password=${decodeURIComponent(password)}`;
    const lines = {
      listen_addr: '127.0.0.1',
      listen_port: String(port),
      unix_socket_dir: '',
      auth_type: 'any',
      ...settings,
    };
    const file = join(folder, 'pgbouncer.ini');
    await writeFile(
      file,
      [
        '[databases]',
        `* = host=${hostname} port=${serverPort} ${login}`,
        '[pgbouncer]',
        ...Object.entries(lines).map(([name, value]) => `${name} = ${value}`),
      ].join('\n'),
    );
    // It refuses to run as root.
    const account = process.geteuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const child = spawn(path, [...args, '-q', file], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...account,
    });
    endWithRun(child);
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const bouncer = new PgBouncer(child, folder, port, version);
    const isUp = await eventually(
      () => accepts(`tcp://127.0.0.1:${port}`),
      (up) => up || child.exitCode !== null,
    );
    if (isUp) return bouncer;
    await bouncer.stop();
    throw new Error(`PgBouncer did not start: ${log}`);
  }

  /** The same database by way of this pooler. */
  url(databaseUrl: string): string {
    return Object.assign(new URL(databaseUrl), { host: `127.0.0.1:${this.port}` }).href;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'close');
      this.child.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

const NOBODY = 65_534;
