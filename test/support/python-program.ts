import { join } from 'node:path';
import { onPath, unpackDebianPackage } from './debian-packages.js';

/** Finds `python3` on the PATH, or, for root on Debian, in the system's package. */
export async function findPython(): Promise<{ path: string; env: Record<string, string> }> {
  const installed = onPath('python3');
  if (installed) return { path: installed, env: {} };
  const folder = join(await unpackDebianPackage('python3'), 'usr');
  return { path: join(folder, 'bin/python3'), env: { PYTHONHOME: folder } };
}
