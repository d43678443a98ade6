import type { Request } from 'express';
import type { RequestKind } from './place-list.js';

/** Routes on which a request can wait; on `/mcp` with a tool that has `wait_seconds`. Routing is strict. */
const WAITING_PATHS = new Set(['/tasks/wait', '/events/stream', '/mcp']);
/** Routes on which a request waits if its query has `wait_seconds`. */
const WATCHED = /^\/((sessions|tasks|approvals)\/[^/]+|events)$/;

/** Returns the kind of a request by its route. */
export function kindOf({
  method,
  path,
  url,
}: Pick<Request, 'method' | 'path' | 'url'>): RequestKind {
  if (WAITING_PATHS.has(path)) return 'waiting';
  const start = method === 'GET' || method === 'HEAD' ? url.indexOf('?') : -1;
  if (start === -1 || !WATCHED.test(path)) return 'working';
  const query = new URLSearchParams(url.slice(start + 1));
  return query.has('wait_seconds') ? 'waiting' : 'working';
}
