import { createServer, type IncomingMessage, type ServerOptions } from 'node:http';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express, Response } from 'express';
import { expressPrototypes } from './express-prototypes.js';

/**
 * How long a client may take to send, in milliseconds. None of it bounds how long an answer takes: waiting for work
 * and exports go on for longer.
 */
const TIMEOUTS: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  // How often the first two are looked at. Left alone it is 30 s, and a slow client stays for 40.
  connectionsCheckingInterval: 1_000,
};

/** Express on a server that makes its messages for it, and closes connections whose client sends too slowly. */
export class HttpAdapter extends ExpressAdapter {
  override initHttpServer(options: NestApplicationOptions): void {
    super.initHttpServer(options);
    const app = this.getInstance<Express>();
    this.httpServer = createServer({ ...TIMEOUTS, ...expressPrototypes(app) }, app);
  }

  /** Answers as Express does; what is JSON and nothing else, without asking its settings and looking for each header. */
  override reply(response: Response, body: unknown, statusCode?: number): unknown {
    if (!isPlainBody(body) || wantsMinimal(response.req) || response.hasHeader('Content-Type')) {
      return super.reply(response, body, statusCode);
    }
    if (statusCode !== undefined) response.statusCode = statusCode;
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    return response.end(JSON.stringify(body));
  }
}

/** Whether a body is an object or an array of JSON, and not one of what Nest and Express send in a way of their own. */
function isPlainBody(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false;
  return Array.isArray(body) || Object.getPrototypeOf(body) === Object.prototype;
}

/** Whether a request may be answered without a body. */
function wantsMinimal({ method, headers }: IncomingMessage): boolean {
  return method === 'HEAD' || 'if-none-match' in headers || 'if-modified-since' in headers;
}
