import type { RequestHandler } from 'express';
import { isProbe } from '../observability/probes.js';
import type { Load } from './load.service.js';

/** Paths on which a request can wait for tasks for up to 30 seconds; on `/mcp` with the tool `claim_task`. */
const WAITING = new Set(['/tasks/wait', '/mcp']);

/** Rejects requests while the process is overloaded. Probes always pass. */
export function shedLoad(load: Load): RequestHandler {
  return (request, response, next) => {
    if (!isProbe(request.path)) {
      response.once('close', load.enter(WAITING.has(request.path) ? 'waiting' : 'working'));
    }
    next();
  };
}
