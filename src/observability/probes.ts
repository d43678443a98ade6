import type { IncomingMessage } from 'node:http';

const PROBES = new Set(['/health', '/health/live', '/health/ready', '/metrics', '/status']);

/** Whether a path is that of a route for monitoring. Routing is strict, so no other spelling reaches such a route. */
export function isProbePath(path: string): boolean {
  return PROBES.has(path);
}

/**
 * Whether a request is a probe: GET or HEAD of a route for monitoring, without a body. An answered probe is not logged,
 * rate-limited or rejected under load.
 */
export function isProbe(
  request: Pick<IncomingMessage, 'method' | 'headers'> & { path: string },
): boolean {
  const { method, path } = request;
  return (method === 'GET' || method === 'HEAD') && PROBES.has(path) && !hasBody(request);
}

/** Whether a request announces a body (RFC 9112 section 6). */
export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
