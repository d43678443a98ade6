import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { closeAfterFolder } from './kit.js';

const run = promisify(execFile);
/** The dependencies, packed from this checkout, so that the tests need no registry. */
const DEPENDENCIES = ['canonicalize', 'eventsource-parser'];

let installed: Promise<string> | undefined;

/** Returns a folder that contains nothing but the packed client and its dependencies. All specs of a folder share it. */
export function packedClient(): Promise<string> {
  installed ??= install();
  return installed;
}

async function install(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'client-package-'));
  closeAfterFolder(() => rm(folder, { recursive: true }));
  const tarballs = join(folder, 'tarballs');
  await mkdir(tarballs);
  const pack = ['pack', '--silent', '--pack-destination', tarballs];
  await run('npm', [...pack, '--workspace', 'packages/client']);
  for (const name of DEPENDENCIES)
    await run('npm', [...pack, '--ignore-scripts', `./node_modules/${name}`]);
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  const files = (await readdir(tarballs)).map((file) => join(tarballs, file));
  const flags = ['--offline', '--no-audit', '--no-fund', '--silent'];
  await run('npm', ['install', ...flags, ...files], { cwd: folder });
  return folder;
}
