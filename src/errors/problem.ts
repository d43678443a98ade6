import type { InputProblem } from './domain-error.js';
import { type ErrorCode, statusOf, titleOf } from './error-codes.js';

/** An error as the API answers it (RFC 9457). */
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

/** The problem for a code; `type` is the anchor of the code in the error reference. */
export function problemOf(code: ErrorCode, detail: string): Problem {
  return {
    type: `urn:agent-mesh:error:${code}`,
    title: titleOf(code),
    status: statusOf(code),
    detail,
    code,
  };
}
