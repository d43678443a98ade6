import { once } from 'node:events';
import type { Response } from 'express';
import { oneLine } from '../common/one-line.js';

export const NDJSON = 'application/x-ndjson';

/**
 * Writes one JSON value per line, no faster than the client reads, and stops when the client disconnects. Throws an
 * error that occurs before the first line. A later error closes the connection, so that the client detects an
 * incomplete export.
 */
export async function writeNdjson(
  response: Response,
  values: AsyncIterable<unknown>,
): Promise<void> {
  const iterator = values[Symbol.asyncIterator]();
  let next = await iterator.next();
  response.setHeader('Content-Type', NDJSON);
  try {
    while (next.done !== true && !response.destroyed) {
      if (!response.write(`${oneLine(JSON.stringify(next.value))}\n`)) {
        await drainOrClose(response);
      }
      next = await iterator.next();
    }
    response.end();
  } catch (error) {
    response.destroy(error instanceof Error ? error : undefined);
  }
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
