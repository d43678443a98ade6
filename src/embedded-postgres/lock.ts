import { randomUUID } from 'node:crypto';
import {
  linkSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isRunning, ownIdentity, ProcessIdentity } from './processes.js';

/** The lock of this process on a folder. */
export interface FolderLock {
  release(): void;
}

const LOCK_NAME = /^controller\.lock\.(\d+)$/;

/**
 * Locks a folder for this process. Returns the lock, or the running process that holds it.
 *
 * Each process links a lock file with the next number, which only one process can do. So breaking the lock of a dead
 * process never removes the lock of a new one. The file with the highest number is the valid lock. It is never removed,
 * only emptied on release.
 */
export function lockFolder(folder: string): FolderLock | { heldBy: ProcessIdentity } {
  const content = JSON.stringify(ownIdentity());
  for (;;) {
    const newest = newestLock(folder);
    const owner = readOwner(lockFile(folder, newest));
    if (owner && isRunning(owner)) return { heldBy: owner };

    const mine = newest + 1;
    if (!claim(folder, mine, content)) continue;
    // Another process may have locked the folder and removed older files after this process read the newest number.
    if (newestLock(folder) !== mine) {
      unlinkSync(lockFile(folder, mine));
      continue;
    }
    removeOlderThan(folder, mine);
    return {
      release: () => {
        release(lockFile(folder, mine), content);
      },
    };
  }
}

function claim(folder: string, number: number, content: string): boolean {
  // A link appears with its complete content. A new file would be empty for a moment.
  const draft = join(folder, `controller.lock.${randomUUID()}`);
  try {
    writeFileSync(draft, content, { mode: 0o600 });
    linkSync(draft, lockFile(folder, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function release(file: string, content: string): void {
  try {
    if (readFileSync(file, 'utf8') === content) truncateSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function readOwner(file: string): ProcessIdentity | undefined {
  try {
    const content = readFileSync(file, 'utf8');
    return content === '' ? undefined : (JSON.parse(content) as ProcessIdentity);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return;
    throw error;
  }
}

function removeOlderThan(folder: string, number: number): void {
  for (const other of lockNumbers(folder)) {
    if (other < number) rmSync(lockFile(folder, other), { force: true });
  }
}

function newestLock(folder: string): number {
  return Math.max(0, ...lockNumbers(folder));
}

function lockNumbers(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => {
    const number = LOCK_NAME.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

function lockFile(folder: string, number: number): string {
  return join(folder, `controller.lock.${number}`);
}
