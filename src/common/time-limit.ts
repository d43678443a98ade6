/** A function took longer than its time limit. */
export class TimeLimitError extends Error {
  constructor(ms: number) {
    super(`It took longer than ${ms / 1_000} s`);
  }
}

/**
 * Calls a function with a signal that aborts after a time, or together with another signal.
 *
 * It has a timer of its own, because Node 20 can collect `AbortSignal.timeout` behind `AbortSignal.any`, which then never
 * aborts.
 *
 * @param ms milliseconds
 */
export async function withTimeLimit<T>(
  ms: number,
  other: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new TimeLimitError(ms));
  }, ms);
  try {
    return await run(AbortSignal.any([limit.signal, other]));
  } finally {
    clearTimeout(timer);
  }
}
