import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { InstalledPackage } from './installed-package.js';
import { closeAfterFolder } from './kit.js';
import { patient } from './patience.js';
import { ProgramRun } from './program-run.js';

/** How a command ended. */
export interface CliResult {
  /** 0 done, 1 refused or failed, 2 usage. */
  code: number | null;
  output: string;
  errors: string;
  lines: string[];
}

let installed: Promise<InstalledPackage> | undefined;

/** The package, packed and installed once for all specs of the folder. */
export function installedCli(): Promise<InstalledPackage> {
  if (installed === undefined) {
    installed = InstalledPackage.install('packages/cli');
    closeAfterFolder(async () => (await installed)?.remove());
  }
  return installed;
}

/** The installed `mesh` of a `describe`, with a folder of its own for logins. */
export class Cli {
  readonly folder = mkdtempSync(join(tmpdir(), 'mesh-cli-'));
  private bin = '';

  constructor(private readonly env: () => Record<string, string>) {
    beforeAll(async () => {
      this.bin = (await installedCli()).bin('mesh');
    }, patient(60_000));
    afterAll(() => {
      rmSync(this.folder, { recursive: true });
    });
  }

  /** Starts a command. Arguments are separated by spaces, or given as a list. */
  start(
    command: string | readonly string[],
    { env = {}, input }: { env?: Record<string, string>; input?: string } = {},
  ): ProgramRun {
    const args = typeof command === 'string' ? command.split(' ') : command;
    return new ProgramRun(process.execPath, [this.bin, ...args], {
      env: { MESH_CONFIG_DIR: this.folder, ...this.env(), ...env },
      ...(input !== undefined && { input }),
    });
  }

  /** Runs a command. */
  async run(
    command: string | readonly string[],
    options: { env?: Record<string, string>; input?: string } = {},
  ): Promise<CliResult> {
    const { code, output, errors } = await this.start(command, options).result();
    return { code, output, errors, lines: output.trimEnd().split('\n') };
  }

  /** Runs a command that must succeed, with --json. */
  async json<Body = Record<string, unknown>>(
    command: string | readonly string[],
    options: { env?: Record<string, string>; input?: string } = {},
  ): Promise<Body> {
    const args = typeof command === 'string' ? command.split(' ') : command;
    const { code, output, errors } = await this.run([...args, '--json'], options);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}: ${errors}`);
    return JSON.parse(output) as Body;
  }
}
