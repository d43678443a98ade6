import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { until } from './eventually.js';
import type { CloudEvent } from './events.js';

/** A request that a receiver got. */
export interface Received {
  id: string;
  headers: Record<string, string>;
  body: string;
  event: CloudEvent;
}

type Respond = (received: Received, response: ServerResponse) => void;

/** An endpoint that receives webhooks, on the loopback interface. It responds with 204 unless a test decides otherwise. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  respond: Respond = (_, response) => response.writeHead(204).end();
  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => void this.take(request, response));
  }

  /** @param port 0: a free port */
  static async start(port = 0): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Waits until a number of requests arrived. */
  untilCount(count: number, maxWaitMs?: number): Promise<void> {
    return until(() => this.received.length >= count, maxWaitMs);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const headers = request.headers as Record<string, string>;
    const event = JSON.parse(body) as CloudEvent;
    const received = { id: headers['webhook-id'] ?? '', headers, body, event };
    this.received.push(received);
    this.respond(received, response);
  }
}

/** Whether a signature of a request is valid, as a receiver checks it with the library of the specification. */
export function isSigned({ body, headers }: Received, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}
