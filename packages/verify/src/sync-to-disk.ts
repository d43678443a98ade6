import { open } from 'node:fs/promises';

/**
 * Waits until a file, or the names in a folder, are on the disk. A new or renamed file survives a crash of the machine when
 * both the file and its folder are there.
 */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
