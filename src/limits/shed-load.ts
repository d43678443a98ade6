import type { RequestHandler } from 'express';
import { isProbe } from '../observability/probes.js';
import type { Load } from './load.service.js';

/** Where callers may wait for work to come, for up to half a minute: at `/mcp` with `claim_task`. */
const WAITING = new Set(['/tasks/wait', '/mcp']);

/** Turns requests away while the process has too much to do. Probes are always answered. */
export function shedLoad(load: Load): RequestHandler {
  return (request, response, next) => {
    if (!isProbe(request.path)) {
      response.once('close', load.enter(WAITING.has(request.path) ? 'waiting' : 'working'));
    }
    next();
  };
}
