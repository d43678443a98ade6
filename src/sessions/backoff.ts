const BASE_SECONDS = 1;
const CAP_SECONDS = 300;

/**
 * Returns the pause in seconds before the next attempt. The pause doubles with each lost attempt up to 300 s. Half of it
 * is random, so that tasks lost at the same time are not retried at the same time.
 * See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("equal jitter").
 *
 * @param lost number of lost attempts, from 1
 */
export function backoffSeconds(lost: number, random: () => number = Math.random): number {
  const full = Math.min(CAP_SECONDS, BASE_SECONDS * 2 ** (lost - 1));
  return full / 2 + (full / 2) * random();
}
