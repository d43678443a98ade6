import type { RequestHandler } from 'express';
import type { ShutdownService } from './shutdown.service.js';

/** Asks clients and proxies to send their next request on another connection while the instance stops. */
export function closeWhileStopping(shutdown: ShutdownService): RequestHandler {
  return (_request, response, next) => {
    if (shutdown.isStopping) response.setHeader('Connection', 'close');
    next();
  };
}
