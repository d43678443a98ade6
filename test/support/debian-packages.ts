import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MULTIARCH: Partial<Record<string, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
};

/** The name that Debian gives the folder of libraries for this architecture. */
export const multiarch = MULTIARCH[arch()] ?? '';

/** Finds a program on the PATH. */
export function onPath(program: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => isExecutable(file));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Unpacks a package of Debian, with those of its dependencies that the system does not have, into a cache, once:
 * nothing is installed and no service starts. Needs root and apt-get.
 *
 * @param name of the package
 * @returns the folder that it is unpacked into
 * @throws Error that says what to install
 */
export async function unpackDebianPackage(name: string): Promise<string> {
  return unpackOnce(name, name, unpackInto);
}

/** A program of a later release, as the arguments of its dynamic loader. */
export interface ForeignProgram {
  readonly loader: string;
  readonly args: readonly string[];
}

/**
 * Unpacks a package of another release of Debian with all of its libraries, the C library included. Its program runs with
 * the loader and the libraries of that release.
 *
 * @param name of the package
 * @param release such as `trixie`
 * @param program the path of the program in the package
 */
export async function unpackForeignPackage(
  name: string,
  release: string,
  program: string,
): Promise<ForeignProgram> {
  const folder = await unpackOnce(name, `${name}-${release}`, (draft) =>
    unpackForeign(draft, name, release),
  );
  const libraries = ['usr/lib', 'lib'].map((path) => join(folder, path, multiarch));
  const loaders = await Promise.all(
    libraries.map((path) => readdir(path).catch(() => [] as string[])),
  );
  const [loader] = libraries.flatMap((path, index) =>
    (loaders[index] ?? []).filter((file) => /^ld-linux/.test(file)).map((file) => join(path, file)),
  );
  if (loader === undefined) throw new Error(`${folder} has no dynamic loader`);
  return {
    loader,
    args: ['--library-path', libraries.join(delimiter), join(folder, program)],
  };
}

async function unpackOnce(
  name: string,
  folderName: string,
  unpack: (draft: string, name: string) => Promise<void>,
): Promise<string> {
  const folder = resolve('node_modules/.cache', folderName);
  if (existsSync(folder)) return folder;
  if (process.geteuid?.() !== 0 || !onPath('apt-get')) {
    throw new Error(`The tests need ${name}: install the package ${name}.`);
  }
  await mkdir(join(folder, '..'), { recursive: true });
  const draft = await mkdtemp(`${folder}.`);
  try {
    await unpack(draft, name);
    await rename(draft, folder);
  } catch (error) {
    const anotherProcessWasFaster = existsSync(folder);
    if (!anotherProcessWasFaster) {
      const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : '';
      const message = `The package could not be fetched (${reason ?? ''}): install ${name}.`;
      throw new Error(message, { cause: error });
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
}

async function unpackInto(folder: string, name: string): Promise<void> {
  const downloads = await mkdtemp(join(folder, 'downloads-'));
  // The package lists may be there already, and updating them takes longer than the rest.
  await download(downloads, name).catch(async () => {
    await run('apt-get', ['update']);
    await download(downloads, name);
  });
  await unpackAll(downloads, folder);
}

async function unpackForeign(folder: string, name: string, release: string): Promise<void> {
  const downloads = await mkdtemp(join(folder, 'downloads-'));
  const [sources, status] = [join(downloads, 'sources.list'), join(downloads, 'status')];
  await writeFile(sources, `deb http://deb.debian.org/debian ${release} main\n`);
  await writeFile(status, '');
  for (const path of ['state/lists/partial', 'cache/archives/partial'])
    await mkdir(join(downloads, path), { recursive: true });
  const options = [
    ...[`Dir::Etc::SourceList=${sources}`, 'Dir::Etc::SourceParts=/dev/null'],
    // Without an installed package, every library is part of the plan.
    ...[`Dir::State=${join(downloads, 'state')}`, `Dir::State::status=${status}`],
    ...[`Dir::Cache=${join(downloads, 'cache')}`, 'Acquire::Languages=none'],
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await run('apt-get', [...options, 'update']);
  await download(downloads, name, options, (found) => found === name || found.startsWith('lib'));
  await unpackAll(downloads, folder);
}

async function unpackAll(downloads: string, folder: string): Promise<void> {
  for (const file of await readdir(downloads)) {
    if (file.endsWith('.deb')) await run('dpkg', ['-x', join(downloads, file), folder]);
  }
  await rm(downloads, { recursive: true, force: true });
}

async function download(
  folder: string,
  name: string,
  options: readonly string[] = [],
  isWanted: (found: string) => boolean = () => true,
): Promise<void> {
  const plan = [...options, 'install', '--simulate', '--no-install-recommends', name];
  const { stdout } = await run('apt-get', plan);
  const packages = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, found]) => found ?? '');
  const wanted = packages.filter(isWanted);
  await run('apt-get', [...options, 'download', ...wanted], { cwd: folder });
}
