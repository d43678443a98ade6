import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the text of a file in a folder, trimmed. Creates it on first use, readable by its owner only. */
export function readOrCreateFile(folder: string, file: string, content: () => string): string {
  const path = join(folder, file);
  return read(path) ?? create(folder, path, content());
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Writes another file and links it, so that two processes agree on one and never read a part of it. */
function create(folder: string, path: string, content: string): string {
  mkdirSync(folder, { recursive: true });
  const own = `${path}.${randomBytes(8).toString('hex')}`;
  writeFileSync(own, content, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(own, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(own);
  }
  return readFileSync(path, 'utf8').trim();
}

/** Whether an error is a system error with this code. */
export function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
