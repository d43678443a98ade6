/** A response that is a problem document (RFC 9457), or no response at all. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';

  constructor(
    /** The HTTP status; 0 without a response. */
    readonly status: number,
    /** The error code of the API, or `console.unreachable`. */
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly traceId: string | undefined,
  ) {
    super(detail);
  }

  /** Whether a repetition of the same request can succeed. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Reads the problem document of a response. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const body: unknown = await response.json().catch(() => undefined);
  const members =
    typeof body === 'object' && body !== null
      ? new Map(Object.entries(body))
      : new Map<string, unknown>();
  const text = (name: string): string | undefined => {
    const value: unknown = members.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  return new ProblemError(
    response.status,
    text('code') ?? 'console.unexpected',
    text('title') ?? response.statusText,
    text('detail') ?? '',
    text('trace_id') ?? response.headers.get('x-trace-id') ?? undefined,
  );
}
