import type { NextFunction, Request, Response } from 'express';
import { newId } from '../common/new-id.js';
import { parseUuid, uuidFromHex } from '../common/uuid.js';
import { withRequestContext } from '../observability/request-context.js';
import { withServerSpan } from '../observability/server-span.js';

// https://www.w3.org/TR/trace-context/#traceparent-header
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Returns the trace id of a request: `X-Trace-Id` if it is a UUID, else the trace-id of `traceparent`, else a new one. */
export function traceIdOf(headers: Request['headers']): string {
  const { traceparent, 'x-trace-id': own } = headers;
  const given = typeof own === 'string' ? parseUuid(own) : undefined;
  if (given !== undefined) return given;
  const id = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  return id === undefined ? newId() : uuidFromHex(id);
}

/** Returns the valid `traceparent` of a request in the form of version 00; undefined if there is none. */
function traceparentOf({ traceparent }: Request['headers']): string | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const [, id, parent, flags] = TRACEPARENT.exec(traceparent) ?? [];
  return id && parent && flags && `00-${id}-${parent}-${flags}`;
}

/** Runs each request in its own request context and server span, and sets `X-Trace-Id` of the response. */
export function trace(request: Request, response: Response, next: NextFunction): void {
  const { headers } = request;
  const traceId = traceIdOf(headers);
  response.setHeader('X-Trace-Id', traceId);
  withRequestContext({ traceId, traceparent: traceparentOf(headers) }, () => {
    withServerSpan(request, response, next);
  });
}
