import { CredentialsError, isProblem, ProblemError } from '../errors.js';
import { pause, reasonOf } from '../pause.js';
import { isTransient, pauseMs } from '../retry.js';

/**
 * Runs an operation until it succeeds or is refused: also over a longer outage of the controller or the identity provider.
 *
 * @throws the error of the operation, or the reason of `signal`
 */
export async function persistently<T>(
  signal: AbortSignal | undefined,
  operation: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await operation();
    } catch (error) {
      if (signal?.aborted) throw reasonOf(signal);
      if (!canRecover(error)) throw error;
      const retryAfterMs = error instanceof ProblemError ? error.retryAfterMs : undefined;
      await pause(pauseMs(failures, retryAfterMs), signal);
    }
  }
}

/** Whether the operation can succeed later. A refused token can be renewed meanwhile. */
export function canRecover(error: unknown): boolean {
  return isTransient(error, true) || error instanceof CredentialsError || isRefusedToken(error);
}

function isRefusedToken(error: unknown): boolean {
  return isProblem(error) && error.status === 401;
}
