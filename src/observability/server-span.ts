import type { IncomingMessage } from 'node:http';
import {
  type Attributes,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import type { NextFunction, Request, Response } from 'express';
import { isProbe } from './probes.js';
import { requestContext } from './request-context.js';
import { routePatternOf, statusOf } from './request-log.js';
import { findTracer, setError } from './tracing.js';

/**
 * Runs a request in a server span, by the semantic conventions for HTTP. The span continues the trace of `traceparent`.
 * Probes have no span.
 */
export function withServerSpan(request: Request, response: Response, next: NextFunction): void {
  const tracer = findTracer();
  if (!tracer || isProbe(request)) {
    next();
    return;
  }
  const parent = propagation.extract(ROOT_CONTEXT, request.headers);
  const { method } = request;
  const options = { kind: SpanKind.SERVER, attributes: attributesOf(request) };
  const span = tracer.startSpan(method, options, parent);
  response.once('close', () => {
    endSpan(span, request, response);
  });
  context.with(trace.setSpan(parent, span), next);
}

function attributesOf(request: Request): Attributes {
  const { host, 'user-agent': agent } = request.headers;
  const [, port] = /:(\d+)$/.exec(host ?? '') ?? [];
  return {
    'http.request.method': request.method,
    'url.scheme': request.protocol,
    'url.path': request.path,
    'network.protocol.version': request.httpVersion,
    'mesh.trace_id': requestContext()?.traceId,
    'user_agent.original': agent,
    'client.address': request.ip,
    'server.address': hostname(request),
    'server.port': port === undefined ? undefined : Number(port),
  };
}

/** Not `request.hostname`, which a forwarded host changes: its port would be another. */
function hostname({ headers }: IncomingMessage): string | undefined {
  return headers.host?.replace(/:\d+$/, '');
}

/** The route is known only at the end. A span without one has the method as its name: paths would be too many names. */
function endSpan(span: Span, request: Request, response: Response): void {
  const route = routePatternOf(request.route);
  const status = statusOf(response);
  if (route !== undefined) {
    span.updateName(`${request.method} ${route}`);
    span.setAttribute('http.route', route);
  }
  span.setAttribute('http.response.status_code', status);
  if (status >= 500) setError(span, String(status));
  span.end();
}
