/** One problem of the input: where it is, and the rule that it breaks. */
export interface InputProblem {
  /** A JSON Pointer into the body (RFC 6901), `?name` for a query parameter, or the name of a header. */
  readonly pointer: string;
  /** The rule. */
  readonly message: string;
}

/** Base class of all errors of this package. */
export class MeshError extends Error {
  /** Name of the class. */
  override readonly name: string = 'MeshError';

  constructor(
    /** Stable. Branch on it. Codes of the controller are in its documentation; those of this package begin with `mesh.`. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The members of an error response. */
export interface Problem {
  /** Stable. The error codes are in the documentation of the controller. */
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** The kind of error. */
  readonly title?: string;
  /** This case of the error. */
  readonly detail: string;
  /** The id of the request in the log of the controller. */
  readonly trace_id?: string;
  /** With `request.invalid`: all problems of the input. */
  readonly errors?: readonly InputProblem[];
  /** With `events.cursor_gone`: the cursor to continue after. */
  readonly oldest?: string;
}

/** An error response of the controller: a problem document (RFC 9457). */
export class ProblemError extends MeshError {
  override readonly name = 'ProblemError';
  /** HTTP status. */
  readonly status: number;
  /** This case of the error, for people. */
  readonly detail: string;
  /** The id of the request in the log of the controller. */
  readonly trace_id: string | undefined;
  /** With `request.invalid`: all problems of the input. Otherwise empty. */
  readonly errors: readonly InputProblem[];

  constructor(
    /** The members of the response. */
    readonly problem: Problem,
    /** `Retry-After` of the response, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    const { code, status, detail, errors = [], trace_id } = problem;
    const list = errors.map(({ pointer, message }) => `; ${pointer}: ${message}`).join('');
    super(code, `${detail}${list} (${code})`);
    this.status = status;
    this.detail = detail;
    this.trace_id = trace_id;
    this.errors = errors;
  }
}

/** No response was received. The outcome of a write is unknown. */
export class ConnectionError extends MeshError {
  override readonly name = 'ConnectionError';
}

/** The time limit of a wait has passed. */
export class WaitTimeoutError extends MeshError {
  override readonly name = 'WaitTimeoutError';
}

/** No access token could be obtained. */
export class CredentialsError extends MeshError {
  override readonly name = 'CredentialsError';
}

/** Whether an error is a response of the controller with one of these codes; with any code if none is given. */
export function isProblem(error: unknown, ...codes: readonly string[]): error is ProblemError {
  return error instanceof ProblemError && (codes.length === 0 || codes.includes(error.code));
}
