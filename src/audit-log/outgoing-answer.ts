import { types } from 'node:util';
import { explainError, messageOf } from '../errors/error-text.js';

/** Most bytes that an anchor, a witness or a signer may answer with. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Reads the body of a response, and rejects one that is too large. */
export async function readLimitedAnswer({ body }: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    const bytes: unknown = chunk;
    if (!(bytes instanceof Uint8Array)) continue;
    size += bytes.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('The answer is larger than 64 KiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Returns the reason of a failed request. `fetch` hides it in the cause of its error. */
export function explainFailure(error: unknown): string {
  const isHidden = types.isNativeError(error) && error.message === 'fetch failed';
  return isHidden && error.cause !== undefined ? messageOf(error.cause) : explainError(error);
}
