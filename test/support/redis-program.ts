import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** How to run `redis-server`. */
export interface RedisProgram {
  path: string;
  /** More environment, which tells a private copy where its libraries are. */
  env: Record<string, string>;
}

const CACHE = resolve('node_modules/.cache/redis');
const MULTIARCH: Partial<Record<string, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
};

const run = promisify(execFile);

/**
 * Finds `redis-server` on the PATH, or, for root on Debian, unpacks it from the system's package
 * into a cache: nothing gets installed and no service starts.
 */
export async function findRedisProgram(): Promise<RedisProgram> {
  const installed = onPath('redis-server');
  if (installed) return { path: installed, env: {} };
  if (!existsSync(CACHE)) await unpackOnce();
  return unpacked();
}

function onPath(program: string): string | undefined {
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

function unpacked(): RedisProgram {
  const libraries = ['usr/lib', 'lib'].map((path) => join(CACHE, path, MULTIARCH[arch()] ?? ''));
  return {
    path: join(CACHE, 'usr/bin/redis-server'),
    env: { LD_LIBRARY_PATH: libraries.join(delimiter) },
  };
}

async function unpackOnce(): Promise<void> {
  if (process.geteuid?.() !== 0 || !onPath('apt-get')) {
    throw new Error('The tests need Redis: install redis-server, or set REDIS_URL.');
  }
  await mkdir(join(CACHE, '..'), { recursive: true });
  const draft = await mkdtemp(`${CACHE}.`);
  try {
    await unpackInto(draft);
    await rename(draft, CACHE);
  } catch (error) {
    const anotherProcessWasFaster = existsSync(CACHE);
    if (!anotherProcessWasFaster) {
      const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : '';
      throw new Error(`Redis could not be fetched (${reason ?? ''}): install redis-server.`, {
        cause: error,
      });
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function unpackInto(folder: string): Promise<void> {
  const downloads = await mkdtemp(join(folder, 'downloads-'));
  // The package lists may be there already, and updating them takes longer than the rest.
  await download(downloads).catch(async () => {
    await run('apt-get', ['update']);
    await download(downloads);
  });
  for (const file of await readdir(downloads)) {
    if (file.endsWith('.deb')) await run('dpkg', ['-x', join(downloads, file), folder]);
  }
  await rm(downloads, { recursive: true, force: true });
}

/** Downloads the package and those of its dependencies that the system does not have. */
async function download(folder: string): Promise<void> {
  const plan = ['install', '--simulate', '--no-install-recommends', 'redis-server'];
  const { stdout } = await run('apt-get', plan);
  const packages = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name ?? '');
  await run('apt-get', ['download', ...packages], { cwd: folder });
}
