import type { NextFunction, Request, Response } from 'express';
import { newId } from '../observability/new-id.js';
import { withRequestContext } from '../observability/request-context.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
// https://www.w3.org/TR/trace-context/#traceparent-header
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** Returns the trace id of a request: `X-Trace-Id` if it is a UUID, else the trace-id of `traceparent`, else a new one. */
export function traceIdOf(headers: Request['headers']): string {
  const own = headers['x-trace-id'];
  if (typeof own === 'string' && UUID.test(own)) return own.toLowerCase();
  const { traceparent } = headers;
  const id = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  return id?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') ?? newId();
}

/** Runs each request in its own request context, and sets `X-Trace-Id` of the response. */
export function trace(request: Request, response: Response, next: NextFunction): void {
  const traceId = traceIdOf(request.headers);
  response.setHeader('X-Trace-Id', traceId);
  withRequestContext({ traceId }, next);
}
