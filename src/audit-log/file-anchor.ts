import { open } from 'node:fs/promises';
import { isCode } from '../common/data-file.js';

/** Bytes at the end of a file that are read for its latest heads. */
const TAIL_BYTES = 256 * 1024;

/** Appends a head to a file, with an empty line after it, and waits until the disk has it. */
export async function appendHead(path: string, note: string): Promise<void> {
  const file = await open(path, 'a', 0o644);
  try {
    await file.write(`${note}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Returns the latest heads of a file, the newest last. A file that does not exist has none. */
export async function readLatestHeads(path: string): Promise<string[]> {
  const tail = await readTail(path);
  return splitHeads(tail);
}

/** Returns the heads of a file: an empty line follows the signatures of each. An incomplete last one is left out. */
function splitHeads(text: string): string[] {
  return text.match(HEAD) ?? [];
}

/** The lines of the text, an empty line, and the lines of the signatures. */
const HEAD = /(?:^[^\n—][^\n]*\n)+\n(?:^— [^\n]+\n)+/gm;

async function readTail(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const length = Math.min(size, TAIL_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return '';
    throw error;
  }
}
