import type { ErrorCode } from './error-codes.js';

/**
 * One problem with one member of the input: `pointer` is a JSON Pointer (RFC 6901) into the body, `/` for the body
 * itself, or `?name` of a query parameter.
 */
export interface InputProblem {
  pointer: string;
  message: string;
}

export interface ErrorExtras {
  /** Every problem found in the input. */
  errors?: readonly InputProblem[];
  /** Seconds after which a retry is worthwhile (RFC 9110 `Retry-After`). */
  retryAfter?: number;
  /** Further headers of the answer. */
  headers?: Readonly<Record<string, string>>;
  /** What went wrong underneath: for the log, never for the answer. */
  cause?: unknown;
  /** Whether the thing that is said to be missing exists: for the audit trail, never for the answer. */
  conceals?: true;
}

/** A refusal that the caller is told about: a stable code, and a sentence for a person that never repeats input. */
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

/** The same refusal, of a thing that exists but is not the caller's to know of. */
export function concealing({ code, detail, extras }: DomainError): DomainError {
  return new DomainError(code, detail, { ...extras, conceals: true });
}

/** The input is well-formed JSON but breaks a rule; lists every problem found. */
export class InvalidInputError extends DomainError {
  constructor(errors: readonly InputProblem[]) {
    super('request.invalid', errors.map(({ message }) => message).join('; '), { errors });
  }
}

/** A dependency is down or slow; the same request may be sent again. */
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
