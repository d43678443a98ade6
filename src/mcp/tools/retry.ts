import { setTimeout as sleep } from 'node:timers/promises';
import { MeshError } from './mesh-client.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** Upper bound for a `Retry-After`. */
const LONGEST_OBEYED_MS = 30_000;

/**
 * Runs `attempt` and retries it at most `retries` times if it fails without a response, or with 429 or 5xx. Other errors
 * are not retried. The pause before a retry is `Retry-After` (at most 30 s) plus a random part of an exponentially growing
 * interval (full jitter), so that clients that failed together do not retry together.
 *
 * @throws the error of the last attempt
 */
export async function withRetries<T>(
  retries: number,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let sent = 0; ; sent++) {
    try {
      return await attempt();
    } catch (error) {
      if (sent === retries || !(error instanceof MeshError) || !isTransient(error)) throw error;
      await sleep(pauseMs(sent, error.retryAfterMs), undefined, signal && { signal });
    }
  }
}

function isTransient({ problem: { status } }: MeshError): boolean {
  return status === undefined || status === 429 || status >= 500;
}

/** Returns the pause before the next retry, in milliseconds. */
export function pauseMs(retries: number, retryAfterMs?: number, random = Math.random): number {
  const jittered = random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** retries);
  return retryAfterMs === undefined
    ? jittered
    : Math.min(LONGEST_OBEYED_MS, retryAfterMs) + jittered;
}
