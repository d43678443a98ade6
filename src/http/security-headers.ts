import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Sets the headers of helmet. They are constant, so they are computed once instead of by a dozen middlewares per request. */
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
