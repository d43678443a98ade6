import type { NextFunction, Request, Response } from 'express';
import { newId } from '../common/new-id.js';
import { parseUuid, uuidFromHex } from '../common/uuid.js';
import { withRequestContext } from '../observability/request-context.js';

// https://www.w3.org/TR/trace-context/#traceparent-header
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** Returns the trace id of a request: `X-Trace-Id` if it is a UUID, else the trace-id of `traceparent`, else a new one. */
export function traceIdOf(headers: Request['headers']): string {
  const { traceparent, 'x-trace-id': own } = headers;
  const given = typeof own === 'string' ? parseUuid(own) : undefined;
  if (given !== undefined) return given;
  const id = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  return id === undefined ? newId() : uuidFromHex(id);
}

/** Runs each request in its own request context, and sets `X-Trace-Id` of the response. */
export function trace(request: Request, response: Response, next: NextFunction): void {
  const traceId = traceIdOf(request.headers);
  response.setHeader('X-Trace-Id', traceId);
  withRequestContext({ traceId }, next);
}
