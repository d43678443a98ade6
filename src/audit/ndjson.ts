import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Logger } from '@nestjs/common';
import type { Response } from 'express';
import { oneLine } from '../common/one-line.js';
import { explainError } from '../errors/error-text.js';

export const NDJSON = 'application/x-ndjson';

/** The number of lines of an export, and the SHA-256 of their bytes in hexadecimal. */
export interface ExportTotals {
  count: number;
  digest: string;
}

const logger = new Logger('Export');

/**
 * Writes one JSON value per line, no faster than the client reads, and stops when the client disconnects. The last line
 * contains the totals of the lines before it, so that the client detects an incomplete export, also if a proxy or
 * HTTP/1.0 ends the response like a complete one.
 *
 * Throws an error that occurs before the first line. Logs a later error and closes the connection.
 */
export async function writeNdjson(
  response: Response,
  values: AsyncIterable<unknown>,
  toLastLine: (totals: ExportTotals) => unknown,
): Promise<void> {
  const iterator = values[Symbol.asyncIterator]();
  let next = await iterator.next();
  response.setHeader('Content-Type', NDJSON);
  const hash = createHash('sha256');
  let count = 0;
  try {
    while (next.done !== true && !response.destroyed) {
      const line = toLine(next.value);
      hash.update(line);
      count += 1;
      if (!response.write(line)) await drainOrClose(response);
      next = await iterator.next();
    }
    if (response.destroyed) return;
    response.end(toLine(toLastLine({ count, digest: hash.digest('hex') })));
  } catch (error) {
    logger.error(`The export failed after ${count} lines. ${explainError(error)}`);
    response.destroy();
  }
}

function toLine(value: unknown): string {
  return `${oneLine(JSON.stringify(value))}\n`;
}

/** Waits until the response is writable or closed. Removes its listeners, since an export waits thousands of times. */
async function drainOrClose(response: Response): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    settled.abort();
  }
}
