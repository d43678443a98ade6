import type { InputProblem } from '../errors/domain-error.js';
import type { OperationName } from './operations.js';

/** A controller, as the tools see it: over HTTP, or in its own process. */
export interface Mesh {
  /** @throws MeshProblem when the operation was refused, or nobody answered */
  call(operation: OperationName, request?: MeshRequest): Promise<MeshAnswer>;
}

export interface MeshRequest {
  /** What the operation is about, bare or prefixed. */
  id?: string;
  body?: Record<string, unknown>;
  query?: Record<string, string>;
  /** The `Idempotency-Key`: the same key with the same request happens once. */
  key?: string;
  /** Ties the request to a workflow that is under way. */
  trace_id?: string;
  /** Aborted when nobody waits for the answer any more. */
  signal?: AbortSignal;
}

export interface MeshAnswer {
  /** 204: there is none. */
  status: number;
  body: Record<string, unknown>;
  /** Whether it is the answer of an earlier request, and nothing was done now. */
  replayed: boolean;
}

/** Why an operation came to nothing. */
export interface Problem {
  /** The code of the error, or one that begins with `mesh.` when no controller said so. */
  code: string;
  detail: string;
  /** The HTTP status; none when no answer came. */
  status?: number;
  errors?: readonly InputProblem[];
}

export class MeshProblem extends Error {
  override readonly name = 'MeshProblem';

  constructor(
    readonly problem: Problem,
    /** After how many milliseconds the controller wants to be asked again, if it said so. */
    readonly retryAfterMs?: number,
  ) {
    super(problem.detail);
  }
}
