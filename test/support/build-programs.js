import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleCommands } from '../../bundle-commands.js';
import { transpile } from './transpile.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['src', 'migrations', 'test/support', 'packages/client/src', 'packages/verify/src'];
const COMMANDS = ['packages/mcp'];

/**
 * Makes a copy of the sources that plain Node runs, for the processes that tests start: each would else spend most
 * of its start on translating them. Another `root` is another version, which runs with the packages of this one.
 */
export async function buildPrograms(root = ROOT, sources = SOURCES, commands = COMMANDS) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'agent-mesh-programs-')));
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const name of sources) await build(root, name, folder);
  for (const name of commands) await bundleCommands(join(root, name), join(folder, name));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function build(root, name, folder) {
  const entries = await readdir(join(root, name), { recursive: true });
  const sources = entries.filter((entry) => /\.ts$/.test(entry) && !/\.spec\.ts$/.test(entry));
  await Promise.all(
    sources.map(async (source) => {
      const target = join(folder, name, source.replace(/\.ts$/, '.js'));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, await transpile(join(root, name, source)));
    }),
  );
}
