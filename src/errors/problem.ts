import type { InputProblem } from './domain-error.js';
import { type ErrorCode, statusOf, titleOf } from './error-codes.js';

/** A problem document of the API (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  instance?: string;
  trace_id?: string;
  errors?: readonly InputProblem[];
}

/** Returns the problem document of a code. `type` is a URN that contains the code. */
export function problemOf(code: ErrorCode, detail: string): Problem {
  return {
    type: `urn:agent-mesh:error:${code}`,
    title: titleOf(code),
    status: statusOf(code),
    detail,
    code,
  };
}
