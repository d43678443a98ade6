import type { InputProblem } from '../../errors/domain-error.js';
import type { OperationName } from './operations.js';

/** A controller as the tools call it: over HTTP or in the same process. */
export interface MeshClient {
  /** @throws MeshProblem if the operation is refused, or no response arrives */
  call(operation: OperationName, request?: MeshRequest): Promise<MeshResponse>;
}

export interface MeshRequest {
  /** The id in the path, bare or with its prefix. */
  id?: string;
  body?: Record<string, unknown>;
  query?: Record<string, string>;
  /** The `Idempotency-Key`. */
  key?: string;
  /** The workflow that the request belongs to. */
  trace_id?: string;
  /** Aborted when the caller no longer waits for the response. */
  signal?: AbortSignal;
}

export interface MeshResponse {
  /** HTTP status. 204: the response has no body. */
  status: number;
  body: Record<string, unknown>;
  /** Whether it is the stored response of an earlier request, and nothing was executed now. */
  replayed: boolean;
}

/** The error of an operation. */
export interface MeshProblem {
  /** The code of the API error, or `mesh.…` if the error does not come from a controller. */
  code: string;
  detail: string;
  /** The HTTP status; undefined without a response. */
  status?: number;
  errors?: readonly InputProblem[];
}

export class MeshError extends Error {
  override readonly name = 'MeshProblem';

  constructor(
    readonly problem: MeshProblem,
    /** `Retry-After` of the response, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(problem.detail);
  }
}
