import type { Request, RequestHandler } from 'express';
import { isProbe } from '../observability/probes.js';
import type { RequestKind, LoadShedderService } from './load-shedder.service.js';

/** Routes on which a request can wait for tasks for up to 25 seconds; on `/mcp` with the tool `claim_task`. */
const WAITING_PATHS = /^\/(tasks\/wait|mcp|events\/stream)\/?$/i;
/** Routes on which a request waits if its query has `wait_seconds`. */
const WATCHED = /^\/(sessions\/[^/]+|events)\/?$/i;

/** Rejects requests while the process is overloaded. Probes always pass. */
export function shedLoad(loadShedder: LoadShedderService): RequestHandler {
  return (request, response, next) => {
    if (!isProbe(request.path)) response.once('close', loadShedder.enter(kindOf(request)));
    next();
  };
}

/** Exported for its spec. */
export function kindOf({
  method,
  path,
  url,
}: Pick<Request, 'method' | 'path' | 'url'>): RequestKind {
  if (WAITING_PATHS.test(path)) return 'waiting';
  const start = method === 'GET' ? url.indexOf('?') : -1;
  if (start === -1 || !WATCHED.test(path)) return 'working';
  const query = new URLSearchParams(url.slice(start + 1));
  return query.has('wait_seconds') ? 'waiting' : 'working';
}
