import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { removeWithRun } from './end-with-run.js';

const run = promisify(execFile);

interface Manifest {
  dependencies?: Record<string, string>;
}

/** A package of this repository, packed as for the registry and installed in an empty folder. */
export class InstalledPackage {
  private constructor(
    readonly folder: string,
    /** The files in the tarball. */
    readonly files: readonly string[],
  ) {}

  /**
   * Packs a package and installs the tarball without a registry: its dependencies are packed from `node_modules`.
   *
   * @param path of the package, such as `packages/mcp`
   */
  static async install(path: string): Promise<InstalledPackage> {
    const folder = await mkdtemp(join(tmpdir(), 'installed-package-'));
    removeWithRun(folder);
    const [packed] = await pack([resolve(path)], folder, []);
    const dependencies = [...(await dependenciesOf(path))].map((name) =>
      resolve('node_modules', name),
    );
    await pack(dependencies, folder, ['--ignore-scripts']);
    const tarballs = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    const offline = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    await npm(['install', ...offline, ...tarballs.map((name) => `./${name}`)], folder);
    return new InstalledPackage(folder, packed?.files.map((file) => file.path) ?? []);
  }

  /** The path of a command. */
  bin(name: string): string {
    return join(this.folder, 'node_modules/.bin', name);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

interface Packed {
  files: { path: string }[];
}

async function pack(
  folders: readonly string[],
  target: string,
  options: readonly string[],
): Promise<Packed[]> {
  const args = ['pack', '--json', '--pack-destination', target, ...options, ...folders];
  const { stdout } = await npm(args, resolve('.'));
  return JSON.parse(stdout) as Packed[];
}

/** The packages that a package depends on, and those that they depend on. */
async function dependenciesOf(path: string, found = new Set<string>()): Promise<Set<string>> {
  const { dependencies = {} } = JSON.parse(
    await readFile(join(path, 'package.json'), 'utf8'),
  ) as Manifest;
  for (const name of Object.keys(dependencies)) {
    if (found.has(name)) continue;
    found.add(name);
    await dependenciesOf(join('node_modules', name), found);
  }
  return found;
}

function npm(args: readonly string[], cwd: string): Promise<{ stdout: string }> {
  // npm passes its own settings on to a test that it runs.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')),
  );
  return run('npm', [...args], { cwd, env: { ...env, NODE_OPTIONS: '' }, maxBuffer: 1e8 });
}
