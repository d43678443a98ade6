import { createServer, type RequestListener, type ServerOptions } from 'node:http';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';

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

/** Express on a server that closes connections whose client sends too slowly. */
export class PatientExpressAdapter extends ExpressAdapter {
  override initHttpServer(options: NestApplicationOptions): void {
    super.initHttpServer(options);
    this.httpServer = createServer(PATIENCE, this.getInstance<RequestListener>());
  }
}
