import { messageOf } from '../errors/error-text.js';
import { fetchInSpan } from '../observability/client-span.js';
import { type ProviderKey, providerKeys } from './jwk.js';
import { KeysResponseError } from './keys-problem.js';

const TIMEOUT_MS = 2000;
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the JWK set at a URL. Rejects a response that is not a JWK set, takes longer than 2 seconds, is longer than 1 MiB,
 * or is a redirect, because a redirect would let another host supply the keys.
 */
export async function fetchKeys(url: string): Promise<ProviderKey[]> {
  const response = await fetchInSpan(url, {
    method: 'GET',
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new KeysResponseError(
      `the response to the request for the key set has status ${response.status}`,
    );
  }
  const text = await readText(response.body ?? []);
  try {
    return providerKeys(JSON.parse(text));
  } catch (error) {
    throw new KeysResponseError(`the response is not a key set: ${messageOf(error)}`);
  }
}

async function readText(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) throw new KeysResponseError('the key set is longer than 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
