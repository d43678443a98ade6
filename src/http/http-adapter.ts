import { createServer, type ServerOptions } from 'node:http';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express } from 'express';

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

/** The Express adapter with time limits for slow clients. */
export class HttpAdapter extends ExpressAdapter {
  /** @param maxHeaderSize limit of the headers of a request, in bytes */
  constructor(private readonly maxHeaderSize?: number) {
    super();
  }

  override initHttpServer(options: NestApplicationOptions): void {
    super.initHttpServer(options);
    const limits = { ...TIMEOUTS, maxHeaderSize: this.maxHeaderSize };
    this.httpServer = createServer(limits, this.getInstance<Express>());
  }
}
