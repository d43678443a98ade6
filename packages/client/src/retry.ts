import { ConnectionError, ProblemError } from './errors.js';
import { pause } from './pause.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** Upper bound for a `Retry-After`. */
const LONGEST_OBEYED_MS = 60_000;

/** Statuses after which the same request can succeed. */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Of these, the statuses after which nothing was done. */
const NOTHING_DONE = new Set([408, 425, 429, 503]);

/**
 * Whether the same request can be sent again.
 *
 * @param isRepeatable whether it can have been executed already: a GET request, or one with an idempotency key
 */
export function isTransient(error: unknown, isRepeatable: boolean): boolean {
  if (error instanceof ConnectionError) return isRepeatable;
  if (!(error instanceof ProblemError)) return false;
  if (error.code === 'idempotency.in_progress') return true;
  if (error.code === 'events.too_many_streams') return false;
  const statuses = isRepeatable ? TRANSIENT : NOTHING_DONE;
  return statuses.has(error.status) && (isRepeatable || error.code !== 'database.commit_unknown');
}

export interface RetryOptions {
  /** Number of retries after the first attempt. */
  readonly maxRetries: number;
  readonly isRepeatable: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or `maxRetries` retries have failed.
 *
 * @throws the error of the last attempt, or the reason of `signal`
 */
export async function withRetries<T>(
  { maxRetries, isRepeatable, signal }: RetryOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let retries = 0; ; retries += 1) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (signal?.aborted || retries >= maxRetries || !isTransient(error, isRepeatable))
        throw error;
      await pause(pauseMs(retries, retryAfterOf(error)), signal);
    }
  }
}

function retryAfterOf(error: unknown): number | undefined {
  return error instanceof ProblemError ? error.retryAfterMs : undefined;
}

/**
 * Returns the pause before the next retry, in milliseconds: `Retry-After` (at most 60 s) plus a random part of an
 * exponentially growing interval (full jitter), so that clients that failed together do not retry together.
 */
export function pauseMs(retries: number, retryAfterMs = 0, random = Math.random): number {
  const interval = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(retries, 10));
  return Math.min(LONGEST_OBEYED_MS, retryAfterMs) + random() * interval;
}
