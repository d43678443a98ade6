import type { ErrorRequestHandler } from 'express';
import { toFailure, type Binding, writeFailure } from './a2a-failure.js';
import { requestIdOf } from './a2a-input.js';

const JSONRPC = /^\/a2a\/[^/?]+(\?|$)/;
const REST = /^\/a2a\/[^/?]+\/v1(\/|\?|$)/;

/** Returns the binding of a URL; undefined if it is not one of an agent. */
export function bindingOf(url: string): Binding | undefined {
  if (JSONRPC.test(url)) return 'jsonrpc';
  return REST.test(url) ? 'rest' : undefined;
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
