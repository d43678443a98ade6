import { setTimeout as sleep } from 'node:timers/promises';
import { MeshProblem } from './mesh.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** Longer than this nobody is kept waiting by a `Retry-After`. */
const LONGEST_OBEYED_MS = 30_000;

/**
 * Sends again, at most `retries` times, what nobody answered or what was answered with 5xx or 429; never what was
 * refused. Between two attempts it pauses as the controller asks (`Retry-After`), else exponentially longer with full
 * jitter, so that those who were cut off together do not come back together.
 *
 * @throws what the last attempt throws
 */
export async function retrying<T>(
  retries: number,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let sent = 0; ; sent++) {
    try {
      return await attempt();
    } catch (error) {
      if (sent === retries || !(error instanceof MeshProblem) || !isTransient(error)) throw error;
      await sleep(pauseMs(sent, error.retryAfterMs), undefined, signal && { signal });
    }
  }
}

function isTransient({ problem: { status } }: MeshProblem): boolean {
  return status === undefined || status === 429 || status >= 500;
}

/** How long to wait after so many retries, in milliseconds. */
export function pauseMs(retries: number, retryAfterMs?: number, random = Math.random): number {
  const jittered = random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** retries);
  return retryAfterMs === undefined
    ? jittered
    : Math.min(LONGEST_OBEYED_MS, retryAfterMs) + jittered;
}
