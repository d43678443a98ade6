import { randomUUID } from 'node:crypto';
import { isRecord } from '../../common/is-record.js';
import { parseJson } from '../../common/parse-json.js';
import { EnvironmentError } from '../../config/validated.js';
import { parsePauseHeader, ROLE_PAUSED } from '../../roles/pause-notice.js';
import {
  type MeshClient,
  type MeshResponse,
  MeshError,
  type MeshRequest,
} from '../tools/mesh-client.js';
import { type OperationName, requestLineOf } from '../tools/operations.js';
import { withRetries } from './retry.js';
import { memberText } from '../tools/tool.js';

export interface HttpMeshClientOptions {
  /** Base URL of the controller. */
  url: string;
  /** Returns the token. It is called before every request, so that a renewed token is used at once. */
  token: () => string;
  /** Number of retries of a request without a response, or with 429 or 5xx. */
  retries: number;
  /** Response timeout in seconds. `wait_seconds` of a request is added to it. */
  timeoutSeconds: number;
}

/** A controller over HTTP. A retry has the idempotency key and the trace id of the first request. */
export class HttpMeshClient implements MeshClient {
  private readonly base: string;

  constructor(private readonly options: HttpMeshClientOptions) {
    this.base = options.url.replace(/\/+$/, '');
  }

  async call(operation: OperationName, request: MeshRequest = {}): Promise<MeshResponse> {
    const traced = { ...request, trace_id: request.trace_id ?? randomUUID() };
    return withRetries(this.options.retries, () => this.send(operation, traced), request.signal);
  }

  private async send(operation: OperationName, request: MeshRequest): Promise<MeshResponse> {
    const { id, query, body, signal } = request;
    const { method, path } = requestLineOf(operation, id);
    const parameters = new URLSearchParams(Object.entries(query ?? {}));
    const search = query ? `?${parameters.toString()}` : '';
    // The controller waits for wait_seconds before it responds.
    const seconds = this.options.timeoutSeconds + Number(parameters.get('wait_seconds') ?? 0);
    const timeout = AbortSignal.timeout(seconds * 1000);
    const headers = this.headersOf(request);
    try {
      const response = await fetch(`${this.base}${path}${search}`, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      return toMeshResponse(response, await response.text(), this.base);
    } catch (error) {
      if (error instanceof MeshError || signal?.aborted) throw error;
      throw timeout.aborted ? timedOut(this.base, seconds) : unreachable(this.base, error);
    }
  }

  private headersOf({ body, key, trace_id }: MeshRequest): Record<string, string> {
    return {
      authorization: `Bearer ${this.token()}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
      ...(trace_id !== undefined && { 'x-trace-id': trace_id }),
    };
  }

  private token(): string {
    try {
      return this.options.token();
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error;
      throw new MeshError({
        code: 'mesh.token_unreadable',
        status: 401,
        detail: error.problems.join('; '),
      });
    }
  }
}

function toMeshResponse(response: Response, text: string, base: string): MeshResponse {
  const json = parseJson(text);
  const body = isRecord(json) ? json : undefined;
  if (response.ok && (response.status === 204 || body)) {
    const replayed = response.headers.get('idempotent-replayed') === 'true';
    const pause = parsePauseHeader(response.headers.get(ROLE_PAUSED) ?? '');
    return { status: response.status, body: body ?? {}, replayed, ...(pause && { pause }) };
  }
  throw new MeshError(
    { ...meshProblemOf(body, base), status: response.status },
    retryAfterOf(response.headers.get('retry-after')),
  );
}

/** Reads a problem document (RFC 9457). A response without a code comes from a proxy or another service. */
function meshProblemOf(body: Record<string, unknown> | undefined, base: string) {
  const code = memberText(body?.code);
  if (code) return { code, detail: memberText(body?.detail), ...errorsOf(body?.errors) };
  const reported = memberText(body?.detail) || memberText(body?.error);
  const detail = `The response from ${base} (CONTROLLER_URL) does not come from a controller.`;
  return { code: 'mesh.unexpected_answer', detail: reported || detail };
}

function errorsOf(errors: unknown) {
  if (!Array.isArray(errors)) return {};
  return {
    errors: errors.filter(isRecord).map(({ pointer, message }) => ({
      pointer: memberText(pointer),
      message: memberText(message),
    })),
  };
}

/** Reads `Retry-After` (RFC 9110 section 10.2.3), seconds or a date, as milliseconds from now. */
function retryAfterOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function timedOut(base: string, seconds: number): MeshError {
  const detail = `No response from ${base} within ${seconds} s. Check CONTROLLER_URL and MESH_TIMEOUT_SECS.`;
  return new MeshError({ code: 'mesh.timeout', detail });
}

function unreachable(base: string, error: unknown): MeshError {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const reason = isRecord(cause) ? memberText(cause.code) || memberText(cause.message) : '';
  const detail = `Cannot connect to ${base} (${reason || 'no connection'}). Check that the controller runs, and CONTROLLER_URL.`;
  return new MeshError({ code: 'mesh.unreachable', detail });
}
