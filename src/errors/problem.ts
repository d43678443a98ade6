import type { ServerResponse } from 'node:http';
import { removeResourceHeaders } from '../common/resource-headers.js';
import type { DomainError, InputProblem } from './domain-error.js';
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

/** Sends an error as the response to a request. */
export function writeProblem(response: ServerResponse, instance: string, error: DomainError): void {
  const { errors, headers, oldest, retryAfter } = error.extras;
  const problem = {
    ...problemOf(error.code, error.detail),
    instance: instance.slice(0, 200),
    trace_id: String(response.getHeader('X-Trace-Id')),
    ...(errors && { errors }),
    ...(oldest !== undefined && { oldest }),
  };
  response.statusCode = problem.status;
  removeResourceHeaders(response);
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  response.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  response.end(JSON.stringify(problem));
}
