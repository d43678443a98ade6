import {
  ConnectionError,
  createClient,
  CredentialsError,
  MeshError as ClientError,
  type MeshClient as Client,
  type MeshResponse as ClientResponse,
  ProblemError,
  type TokenProvider,
} from '@agent-mesh/client';
import { isRecord } from '../../../src/common/is-record.js';
import {
  type MeshClient,
  MeshError,
  type MeshProblem,
  type MeshRequest,
  type MeshResponse,
} from '../../../src/mcp/tools/mesh-client.js';
import { type OperationName, requestLineOf } from '../../../src/mcp/tools/operations.js';
import { parsePauseHeader, ROLE_PAUSED } from '../../../src/roles/pause-notice.js';

export interface HttpMeshClientOptions {
  /** Base URL of the controller. */
  url: string;
  getToken: TokenProvider;
  /** Number of retries of a request without a response, or with 429 or 5xx. */
  retries: number;
  /** Response timeout in seconds. `wait_seconds` of a request is added to it. */
  timeoutSeconds: number;
}

/** A controller over HTTP, as the tools call it: a request of an operation in, its response or a {@link MeshError} out. */
export class HttpMeshClient implements MeshClient {
  private readonly client: Client;

  constructor({ url, getToken, retries, timeoutSeconds }: HttpMeshClientOptions) {
    const timeoutMs = timeoutSeconds * 1000;
    this.client = createClient({ baseUrl: url, getToken, maxRetries: retries, timeoutMs });
  }

  async call(operation: OperationName, request: MeshRequest = {}): Promise<MeshResponse> {
    const { id, query = {}, body, key, trace_id = crypto.randomUUID(), signal } = request;
    const { method, path } = requestLineOf(operation, id);
    try {
      const response = await this.client.request({
        method,
        path,
        query: Object.fromEntries(Object.entries(query)),
        body,
        idempotencyKey: key,
        traceId: trace_id,
        signal,
      });
      return toMeshResponse(response);
    } catch (error) {
      throw toMeshError(error);
    }
  }
}

function toMeshResponse({ status, headers, body, replayed }: ClientResponse): MeshResponse {
  if (status !== 204 && !isRecord(body))
    throw unexpectedAnswer(status, 'The response is not an object.');
  const pause = parsePauseHeader(headers.get(ROLE_PAUSED) ?? '');
  return { status, body: isRecord(body) ? body : {}, replayed, ...(pause && { pause }) };
}

/** Converts an error of the client. Its text names the variables to correct. */
function toMeshError(error: unknown): unknown {
  if (error instanceof ProblemError) {
    const { code, status, detail, errors } = error;
    if (code === 'mesh.unexpected_answer') return unexpectedAnswer(status, detail);
    return new MeshError({ code, status, detail, ...(errors.length > 0 && { errors }) });
  }
  if (error instanceof ConnectionError) return new MeshError(connectionProblem(error));
  if (error instanceof CredentialsError)
    return new MeshError({ code: error.code, status: 401, detail: error.message });
  if (error instanceof ClientError)
    return new MeshError({ code: error.code, detail: error.message });
  return error;
}

function connectionProblem({ code, message }: ConnectionError): MeshProblem {
  const variables =
    code === 'mesh.timeout' ? 'CONTROLLER_URL and MESH_TIMEOUT_SECS' : 'CONTROLLER_URL';
  return { code, detail: `${message} The settings are ${variables}.` };
}

function unexpectedAnswer(status: number, detail: string): MeshError {
  return new MeshError({ code: 'mesh.unexpected_answer', status, detail });
}
