import type { ErrorCode } from './error-codes.js';

/**
 * One problem of the input. `pointer` is a JSON Pointer (RFC 6901) into the body, `/` for the body itself, or `?name` for
 * a query parameter.
 */
export interface InputProblem {
  pointer: string;
  message: string;
}

export interface ErrorExtras {
  /** All problems of the input. */
  errors?: readonly InputProblem[];
  /** Seconds after which a retry is worthwhile (RFC 9110 `Retry-After`). */
  retryAfter?: number;
  /** Additional headers of the response. */
  headers?: Readonly<Record<string, string>>;
  /** For a cursor that is gone: the cursor of the oldest event from which a reader can continue. */
  oldest?: string;
  /** The underlying error, for the log. It is never part of the response. */
  cause?: unknown;
  /** Set if a 404 hides a resource that exists. For the audit log; it is never part of the response. */
  hidesExistence?: true;
}

/** An error of the API: a stable code, and a detail for people that never repeats input. */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly extras: ErrorExtras = {},
  ) {
    super(detail, { cause: extras.cause });
  }
}

/** Returns a copy of an error, marked as hiding a resource that exists but that the caller may not see. */
export function asHidden({ code, detail, extras }: DomainError): DomainError {
  return new DomainError(code, detail, { ...extras, hidesExistence: true });
}

/** The input is well-formed JSON but not valid. Lists all problems. */
export class InvalidInputError extends DomainError {
  constructor(errors: readonly InputProblem[]) {
    super('request.invalid', errors.map(({ message }) => message).join('; '), { errors });
  }
}

/** A dependency is down or slow. The client may retry the request after `retryAfter` seconds. */
export class UnavailableError extends DomainError {
  constructor(
    code: 'database.unavailable' | 'database.commit_unknown' | 'auth.keys_unavailable',
    detail: string,
    cause?: unknown,
    retryAfter = 1,
  ) {
    super(code, detail, { retryAfter, cause });
  }
}
