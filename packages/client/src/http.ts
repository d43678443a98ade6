import type { TokenProvider } from './credentials/token-provider.js';
import { ConnectionError, type InputProblem, MeshError, ProblemError } from './errors.js';
import { isObject, type JsonObject, parseJson, textOf } from './json.js';
import { randomKey } from './random-key.js';
import { withRetries } from './retry.js';
import { traceHeaders } from './tracing.js';

/** Options of each request. */
export interface RequestOptions {
  /** Ends the request, its retries and its pauses. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit of each attempt in milliseconds, in addition to `wait_seconds`. */
  readonly timeoutMs?: number | undefined;
  /** Number of retries. `Infinity` is allowed. */
  readonly maxRetries?: number | undefined;
  /** Idempotency key of a write. Default: a new UUID for each call. All retries of a call have the same key. */
  readonly idempotencyKey?: string | undefined;
  /** Sent as `X-Trace-Id`, a UUID: the id of the request in the log and the audit log. */
  readonly traceId?: string | undefined;
}

/** Methods of the API. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Query parameters. Those that are undefined are not sent. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** A request to any route of the API. */
export interface MeshRequest extends RequestOptions {
  /** HTTP method. A POST or PUT request has an idempotency key. */
  readonly method: Method;
  /** Path after `baseUrl`, such as `/tasks`. */
  readonly path: string;
  /** Query parameters. */
  readonly query?: Query | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A response with a status below 400, or 304. */
export interface MeshResponse {
  /** HTTP status. */
  readonly status: number;
  /** Headers of the response. */
  readonly headers: Headers;
  /** The parsed body; undefined if there is none. */
  readonly body: unknown;
  /** Whether it repeats the response to an earlier request with the same idempotency key. */
  readonly replayed: boolean;
}

export interface HttpOptions {
  readonly baseUrl: string;
  readonly getToken: TokenProvider | undefined;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly fetch: typeof fetch;
}

/** The longest time of a timer. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Sends requests to one controller: token, idempotency key, time limit, retries, errors. */
export class Http {
  private readonly base: string;

  constructor(private readonly options: HttpOptions) {
    this.base = options.baseUrl.replace(/\/+$/, '');
  }

  /**
   * Sends a request, and sends it again if that can help: after a network error, 408, 425, 429, 5xx, or 409
   * `idempotency.in_progress`. A POST or PUT request has an idempotency key, so that it is executed once.
   *
   * @throws ProblemError, ConnectionError, CredentialsError, or the reason of `signal`
   */
  async send(request: MeshRequest): Promise<MeshResponse> {
    const hasKey = request.method === 'POST' || request.method === 'PUT';
    const isRepeatable = hasKey || request.method === 'GET';
    const { maxRetries = this.options.maxRetries, signal } = request;
    const idempotencyKey = hasKey ? (request.idempotencyKey ?? randomKey()) : undefined;
    const keyed = { ...request, idempotencyKey };
    return withRetries({ maxRetries, isRepeatable, signal }, () => this.attempt(keyed));
  }

  /** Opens a stream. The caller reads or cancels the body. */
  async open(request: MeshRequest): Promise<Response> {
    const { timeoutMs = this.options.timeoutMs } = request;
    return this.within(timeoutMs, request, async (timeout) => {
      const response = await this.fetch(request, timeout);
      if (!response.ok) throw problemOf(response, await response.text(), this.base);
      return response;
    });
  }

  private async attempt(request: MeshRequest): Promise<MeshResponse> {
    const { timeoutMs = this.options.timeoutMs, query } = request;
    const waitMs = Number(query?.wait_seconds ?? 0) * 1000;
    return this.within(timeoutMs + waitMs, request, async (timeout) => {
      const response = await this.fetch(request, timeout);
      return toMeshResponse(response, await response.text(), this.base);
    });
  }

  /** Calls a function with a signal that aborts after a time. */
  private async within<T>(
    timeoutMs: number,
    request: MeshRequest,
    run: (timeout: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeout = new AbortController();
    const abort = (): void => {
      timeout.abort();
    };
    const timer = setTimeout(abort, Math.min(Math.ceil(timeoutMs), MAX_TIMEOUT_MS));
    try {
      return await run(timeout.signal);
    } catch (error) {
      throw this.toError(error, request, timeout.signal, timeoutMs);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends the request once; with a new token once more if the controller refuses the token. */
  private async fetch(request: MeshRequest, timeout: AbortSignal): Promise<Response> {
    const { getToken } = this.options;
    const token = await getToken?.();
    const response = await this.fetchWith(token, request, timeout);
    if (response.status !== 401 || getToken === undefined || token === undefined) return response;
    const renewed = await getToken({ rejected: token });
    if (renewed === token) return response;
    await response.body?.cancel();
    return this.fetchWith(renewed, request, timeout);
  }

  private fetchWith(
    token: string | undefined,
    request: MeshRequest,
    timeout: AbortSignal,
  ): Promise<Response> {
    const { method, path, body, signal } = request;
    assertPath(path);
    return this.options.fetch(`${this.base}${path}${searchOf(request.query)}`, {
      method,
      headers: headersOf(token, request),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  }

  private toError(
    error: unknown,
    { signal }: MeshRequest,
    timeout: AbortSignal,
    timeoutMs: number,
  ): unknown {
    if (signal?.aborted) return signal.reason;
    if (timeout.aborted) {
      const message = `No response from ${this.base} within ${timeoutMs / 1000} s.`;
      return new ConnectionError('mesh.timeout', message, { cause: error });
    }
    // fetch rejects with a TypeError for every failure of the network.
    if (!isTypeError(error)) return error;
    const reason = networkReason(error);
    const message = `Cannot connect to ${this.base} (${reason}). Check the URL, and that the controller runs.`;
    return new ConnectionError('mesh.unreachable', message, { cause: error });
  }
}

/**
 * URLs resolve the segments `.` and `..`, also if they are percent-encoded, so a request with such an id would reach another
 * route: `POST /tasks/./claim` is `POST /tasks/claim`.
 *
 * @throws MeshError `mesh.path_invalid`
 */
function assertPath(path: string): void {
  const [, ...segments] = path.split('/');
  if (path === '/' || !segments.some((segment) => /^(\.|%2e){0,2}$/i.test(segment))) return;
  throw new MeshError('mesh.path_invalid', `An id in the path ${path} is empty, "." or "..".`);
}

function headersOf(token: string | undefined, request: MeshRequest): Record<string, string> {
  const { body, idempotencyKey, traceId, headers } = request;
  return {
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    ...(traceId !== undefined && { 'x-trace-id': traceId }),
    ...traceHeaders(),
    ...headers,
  };
}

function searchOf(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function toMeshResponse(response: Response, text: string, base: string): MeshResponse {
  const { status, headers } = response;
  const body = text === '' ? undefined : parseJson(text);
  const isExpected = response.ok && (text === '' || body !== undefined || isText(headers));
  if (!isExpected && status !== 304) throw problemOf(response, text, base);
  const replayed = headers.get('idempotent-replayed') === 'true';
  return { status, headers, body: body ?? (text === '' ? undefined : text), replayed };
}

function isText(headers: Headers): boolean {
  return /^(text\/plain|application\/x-ndjson)/.test(headers.get('content-type') ?? '');
}

/** Reads a problem document. A response without a code comes from a proxy or another service. */
function problemOf(response: Response, text: string, base: string): ProblemError {
  const json = parseJson(text);
  const body = isObject(json) ? json : {};
  const { status } = response;
  const retryAfterMs = retryAfterOf(response.headers.get('retry-after'));
  const code = textOf(body.code);
  const reported = textOf(body.detail) ?? textOf(body.error);
  if (code === undefined) {
    const detail =
      reported ?? `The response from ${base} (${status}) does not come from a controller.`;
    return new ProblemError({ code: 'mesh.unexpected_answer', status, detail }, retryAfterMs);
  }
  return new ProblemError(
    { ...membersOf(body), code, status, detail: reported ?? code },
    retryAfterMs,
  );
}

function membersOf(body: JsonObject) {
  const [title, trace_id, oldest] = [body.title, body.trace_id, body.oldest].map(textOf);
  const { errors } = body;
  return {
    ...(title !== undefined && { title }),
    ...(trace_id !== undefined && { trace_id }),
    ...(oldest !== undefined && { oldest }),
    ...(Array.isArray(errors) && { errors: errors.filter(isObject).map(toInputProblem) }),
  };
}

function toInputProblem({ pointer, message }: JsonObject): InputProblem {
  return { pointer: textOf(pointer) ?? '', message: textOf(message) ?? '' };
}

/** Reads `Retry-After` (RFC 9110 section 10.2.3), seconds or a date, as milliseconds from now. */
function retryAfterOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Also true for a TypeError of another realm: of `fetch` in a test environment, or in a frame. */
function isTypeError(error: unknown): error is TypeError {
  return isObject(error) && error.name === 'TypeError';
}

function networkReason(error: TypeError): string {
  const cause: unknown = error.cause ?? error;
  if (!isObject(cause)) return error.message;
  return textOf(cause.code) ?? (cause instanceof Error ? cause.message : error.message);
}
