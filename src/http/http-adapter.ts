import { createServer, type ServerOptions } from 'node:http';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express } from 'express';
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
}
