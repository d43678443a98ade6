const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Seconds between a failed attempt and the next one. After the last delay the delivery has failed. */
const DELAYS = [
  5,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;

const JITTER = 0.1;
const MAX_RETRY_AFTER = 24 * HOUR;

/**
 * Returns the delay before the next attempt, in seconds; undefined if there is none.
 *
 * @param attempts attempts that were made
 * @param retryAfter the delay that the endpoint asks for, in seconds: the next attempt is not earlier
 */
export function retryDelay(attempts: number, retryAfter = 0): number | undefined {
  const delay = DELAYS[attempts - 1];
  if (delay === undefined) return undefined;
  const spread = delay * (1 + JITTER * (2 * Math.random() - 1));
  return Math.max(spread, Math.min(retryAfter, MAX_RETRY_AFTER));
}

/** Parses `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date. Returns seconds from `now`; 0 if there are none. */
export function parseRetryAfter(text: string | undefined, now = Date.now()): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, (date - now) / 1000);
}
