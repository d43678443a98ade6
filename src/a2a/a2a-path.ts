import type { ErrorRequestHandler } from 'express';
import type { JsonMediaType } from '../http/json-body.js';
import { toFailure, type Binding, writeFailure } from './a2a-failure.js';
import { requestIdOf } from './a2a-input.js';

const JSONRPC = /^\/a2a\/[^/?]+(?=\?|$)/;
const REST = /^\/a2a\/[^/?]+\/v1(?=\/|\?|$)/;
/** The operations of HTTP+JSON that wait for the end of a task, or stream. */
const WAITING = /^\/(message:(send|stream)|tasks\/[^/]+:subscribe)$/;

/** The media type of the HTTP+JSON binding. */
export const A2A_JSON: JsonMediaType = {
  type: 'application/a2a+json',
  isOn: (path) => REST.test(path),
};

/** Returns the binding of a URL; undefined if it is not one of an agent. */
export function bindingOf(url: string): Binding | undefined {
  if (JSONRPC.test(url)) return 'jsonrpc';
  return REST.test(url) ? 'rest' : undefined;
}

/** Returns a path without that of the HTTP+JSON interface. */
export function restPathOf(path: string): string {
  return path.replace(REST, '');
}

/** Whether a request to an agent can wait. In JSON-RPC the operation is in the body. */
export function mayWait({ path }: { path: string }): boolean {
  return JSONRPC.test(path) || (REST.test(path) && WAITING.test(restPathOf(path)));
}

/** Sends errors before the route is matched, such as those of the body, in the form of the binding. */
export const a2aErrors: ErrorRequestHandler = (error: unknown, request, response, next) => {
  const binding = bindingOf(request.originalUrl);
  if (binding === undefined || response.headersSent) {
    next(error);
    return;
  }
  writeFailure(response, { binding, id: requestIdOf(request.body) }, toFailure(error));
};
