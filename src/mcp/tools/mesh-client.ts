import type { InputProblem } from '../../errors/domain-error.js';
import type { PauseNotice } from '../../roles/pause-notice.js';
import type { JsonOf, QueryOf } from './json-of.js';
import type { OperationDtos, OperationName } from './operations.js';

/** A controller as the tools call it: over HTTP or in the same process. */
export interface MeshClient {
  /** @throws MeshProblem if the operation is refused, or no response arrives */
  call(operation: OperationName, request?: MeshRequest): Promise<MeshResponse>;
}

/** A controller as a tool calls it: requests and responses have the names of the DTOs of the operation. */
export interface Mesh {
  call<Name extends OperationName>(
    operation: Name,
    request?: RequestOf<Name>,
  ): Promise<ResponseOf<Name>>;
}

export type RequestOf<Name extends OperationName> = Omit<MeshRequest, 'body' | 'query'> & {
  body?: JsonOf<OperationDtos[Name]['body']>;
  query?: QueryOf<OperationDtos[Name]['query']>;
};

export type ResponseOf<Name extends OperationName> = Omit<MeshResponse, 'body'> & {
  body: JsonOf<OperationDtos[Name]['response']>;
};

export interface MeshRequest {
  /** The id in the path, bare or with its prefix. */
  id?: string;
  body?: object;
  /** Strings by the names of the parameters. */
  query?: object;
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
  /** With status 204: the pause of the role, if it is paused. */
  pause?: Pick<PauseNotice, 'reason' | 'until'>;
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
