import { once } from 'node:events';
import type { Response } from 'express';
import { oneLine } from '../common/one-line.js';

export const NDJSON = 'application/x-ndjson';

/**
 * Writes one JSON value a line, no faster than the client reads, and stops when the client goes. What fails before
 * the first line is thrown; after it the connection is cut, so that nobody takes half an export for a whole one.
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

/** Leaves no listener behind: an export waits thousands of times. */
async function drainOrClose(response: Response): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    settled.abort();
  }
}
