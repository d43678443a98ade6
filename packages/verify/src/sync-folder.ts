import { open } from 'node:fs/promises';

/** Waits until the names in a folder are on the disk. A rename is durable when its folder is. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
