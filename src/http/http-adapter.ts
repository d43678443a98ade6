import { createServer, type IncomingMessage, type ServerOptions } from 'node:http';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express, Response } from 'express';
import { expressPrototypes } from './express-prototypes.js';

/**
 * Time limits for a client to send its request, in milliseconds. They do not limit the response: waits and exports take
 * longer.
 */
const TIMEOUTS: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  // Interval in which the first two limits are checked. With the default of 30 s a slow client stays up to 40 s.
  connectionsCheckingInterval: 1_000,
};

/** The Express adapter with prepared message classes, and time limits for slow clients. */
export class HttpAdapter extends ExpressAdapter {
  override initHttpServer(options: NestApplicationOptions): void {
    super.initHttpServer(options);
    const app = this.getInstance<Express>();
    this.httpServer = createServer({ ...TIMEOUTS, ...expressPrototypes(app) }, app);
  }

  /** Sends a plain JSON body directly, without the settings and header checks of Express; anything else as Express does. */
  override reply(response: Response, body: unknown, statusCode?: number): unknown {
    if (!isPlainBody(body) || wantsMinimal(response.req) || response.hasHeader('Content-Type')) {
      return super.reply(response, body, statusCode);
    }
    if (statusCode !== undefined) response.statusCode = statusCode;
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    return response.end(JSON.stringify(body));
  }
}

/** Whether a body is a plain object or an array, which Nest and Express do not treat specially. */
function isPlainBody(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false;
  return Array.isArray(body) || Object.getPrototypeOf(body) === Object.prototype;
}

/** Whether the response to a request can be without a body. */
function wantsMinimal({ method, headers }: IncomingMessage): boolean {
  return method === 'HEAD' || 'if-none-match' in headers || 'if-modified-since' in headers;
}
