import { createServer, type Server, type ServerOptions } from 'node:http';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import express, { type Express } from 'express';
import type { Environment } from '../config/environment.js';

/** Interval in which time limits of requests are checked. With the default of 30 s a slow client stays up to 40 s. */
const OPTIONS: ServerOptions = { connectionsCheckingInterval: 1_000 };
const CLOSE_IDLE_EVERY_MS = 50;

/**
 * Sets the time limits for a client to send its request, and of an idle connection. They do not limit the response: waits
 * and exports take longer.
 */
export function limitTimes(
  server: Server,
  { HTTP_HEADERS_SECONDS, HTTP_REQUEST_SECONDS, HTTP_KEEP_ALIVE_SECONDS }: Environment,
): void {
  server.headersTimeout = HTTP_HEADERS_SECONDS * 1_000;
  server.requestTimeout = HTTP_REQUEST_SECONDS * 1_000;
  server.keepAliveTimeout = HTTP_KEEP_ALIVE_SECONDS * 1_000;
}

/** One spelling per route, so that limits and exemptions by path hold for the route that is matched. */
function strictRouting(server: Express): Express {
  return server.enable('case sensitive routing').enable('strict routing');
}

/** The Express adapter, whose server closes idle connections while it stops. */
export class HttpAdapter extends ExpressAdapter {
  /** @param maxHeaderSize limit of the headers of a request, in bytes */
  constructor(private readonly maxHeaderSize?: number) {
    super(strictRouting(express()));
  }

  override initHttpServer(options: NestApplicationOptions): void {
    super.initHttpServer(options);
    const limits = { ...OPTIONS, maxHeaderSize: this.maxHeaderSize };
    this.httpServer = createServer(limits, this.getInstance<Express>());
  }

  /** Accepts no more connections, completes the requests in flight, and closes connections as they become idle. */
  override async close(): Promise<void> {
    const server: Server = this.httpServer;
    const closeIdle = setInterval(() => {
      server.closeIdleConnections();
    }, CLOSE_IDLE_EVERY_MS);
    try {
      await super.close();
    } finally {
      clearInterval(closeIdle);
    }
  }
}
