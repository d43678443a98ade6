import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/**
 * The headers of helmet, which are the same for every answer: it is asked for them once, not with each of its dozen
 * middlewares for each request.
 */
export function securityHeaders(): RequestHandler {
  const request = new IncomingMessage(new Socket());
  const sample = new ServerResponse(request);
  const headers = new Map<string, string>();
  sample.setHeader = (name, value) => {
    headers.set(name, String(value));
    return sample;
  };
  helmet()(request, sample, () => undefined);
  return (_request, response, next) => {
    response.setHeaders(headers);
    next();
  };
}
