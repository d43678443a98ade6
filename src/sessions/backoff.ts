const BASE_SECONDS = 1;
const CAP_SECONDS = 300;

/**
 * How long, in seconds, the attempt after this many lost ones waits: exponential, with the upper half of it at random,
 * so that tasks lost together do not come back together.
 * See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("equal jitter").
 */
export function backoffSeconds(lost: number, random: () => number = Math.random): number {
  const full = Math.min(CAP_SECONDS, BASE_SECONDS * 2 ** (lost - 1));
  return full / 2 + (full / 2) * random();
}
