import { createServer, type Server, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import express, { type Express } from 'express';
import type { Environment } from '../config/environment.js';
import { expressPrototypes } from './express-prototypes.js';

/** Interval in which time limits of requests are checked. With the default of 30 s a slow client stays up to 40 s. */
const OPTIONS: ServerOptions = { connectionsCheckingInterval: 1_000 };
const CLOSE_IDLE_EVERY_MS = 50;
/** Time after which a connection without a request is closed while the server stops. */
const UNUSED_MS = 1_000;

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
  /** Number of requests in flight of each open connection. */
  private readonly connections = new Map<Socket, number>();

  /** @param maxHeaderSize limit of the headers of a request, in bytes */
  constructor(private readonly maxHeaderSize?: number) {
    super(strictRouting(express()));
  }

  override initHttpServer(options: NestApplicationOptions): void {
    super.initHttpServer(options);
    const app = this.getInstance<Express>();
    const limits = { ...OPTIONS, maxHeaderSize: this.maxHeaderSize };
    const server = createServer({ ...limits, ...expressPrototypes(app) }, app);
    this.countRequests(server);
    this.httpServer = server;
  }

  /** Accepts no more connections, completes the requests in flight, and closes connections as they become idle. */
  override async close(): Promise<void> {
    const server: Server = this.httpServer;
    const began = performance.now();
    const closeIdle = setInterval(() => {
      server.closeIdleConnections();
      if (performance.now() - began > UNUSED_MS) this.closeUnused();
    }, CLOSE_IDLE_EVERY_MS);
    try {
      await super.close();
    } finally {
      clearInterval(closeIdle);
    }
  }

  private countRequests(server: Server): void {
    const { connections } = this;
    server.on('connection', (socket) => {
      connections.set(socket, 0);
      socket.once('close', () => connections.delete(socket));
    });
    server.on('request', ({ socket }, response) => {
      connections.set(socket, (connections.get(socket) ?? 0) + 1);
      response.once('close', () => {
        const left = (connections.get(socket) ?? 1) - 1;
        if (connections.has(socket)) connections.set(socket, left);
      });
    });
  }

  /** Closes connections that Node does not treat as idle: those without any request, or with an unread body. */
  private closeUnused(): void {
    for (const [socket, requests] of this.connections) if (requests === 0) socket.destroy();
  }
}
