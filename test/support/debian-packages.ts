import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
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
  const folder = resolve('node_modules/.cache', name);
  if (existsSync(folder)) return folder;
  if (process.geteuid?.() !== 0 || !onPath('apt-get')) {
    throw new Error(`The tests need ${name}: install the package ${name}.`);
  }
  await mkdir(join(folder, '..'), { recursive: true });
  const draft = await mkdtemp(`${folder}.`);
  try {
    await unpackInto(draft, name);
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
  for (const file of await readdir(downloads)) {
    if (file.endsWith('.deb')) await run('dpkg', ['-x', join(downloads, file), folder]);
  }
  await rm(downloads, { recursive: true, force: true });
}

async function download(folder: string, name: string): Promise<void> {
  const plan = ['install', '--simulate', '--no-install-recommends', name];
  const { stdout } = await run('apt-get', plan);
  const packages = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, found]) => found ?? '');
  await run('apt-get', ['download', ...packages], { cwd: folder });
}
