import { createServer, type ServerOptions } from 'node:http';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express } from 'express';
import { expressMessages } from './express-messages.js';

/**
 * How long a client may take to send, in milliseconds. None of it bounds how long an answer takes: waiting for work
 * and exports go on for longer.
 */
const PATIENCE: ServerOptions = {
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
    this.httpServer = createServer({ ...PATIENCE, ...expressMessages(app) }, app);
  }
}
