import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The package of npm that contains Node.js for this platform. */
const PACKAGE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/**
 * Returns the program of a version of Node.js: the one that runs the tests if its major version is the same, else the one
 * of a package of npm, which is unpacked into a cache, once.
 *
 * @param version such as `22.13.0`
 * @throws Error that says what could not be fetched
 */
export async function nodeProgram(version: string): Promise<string> {
  if (majorOf(version) === majorOf(process.versions.node)) return process.execPath;
  const folder = resolve('node_modules/.cache', `node-${version}`);
  if (!existsSync(folder)) await fetchInto(folder, `${PACKAGE}@${version}`);
  return join(folder, 'package/bin/node');
}

function majorOf(version: string): string | undefined {
  return version.split('.')[0];
}

async function fetchInto(folder: string, name: string): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true });
  const draft = await mkdtemp(`${folder}.`);
  try {
    const pack = ['pack', name, '--silent', '--ignore-scripts', '--pack-destination', draft];
    const { stdout } = await run('npm', pack, { env: { ...process.env, NODE_OPTIONS: '' } });
    const archive = join(draft, stdout.trim());
    await run('tar', ['-xzf', archive, '-C', draft, 'package/bin/node']);
    await rm(archive);
    await rename(draft, folder);
  } catch (error) {
    const anotherProcessWasFaster = existsSync(folder);
    if (!anotherProcessWasFaster) {
      const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : '';
      const message = `The tests need ${name} of npm, which could not be fetched: ${reason ?? ''}`;
      throw new Error(message, { cause: error });
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
