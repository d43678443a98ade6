import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface ServerAnswer {
  status: number;
  type?: string;
  body?: Buffer | string;
}

/** A server that receives heads, requests of time stamps, or of signatures. */
export class AnchorServer {
  readonly received: { type: string; authorization: string | undefined; body: Buffer }[] = [];
  /** Answers a request. Undefined: never. */
  respond: (body: Buffer) => ServerAnswer | undefined = () => ({ status: 204 });

  private constructor(private readonly server: Server) {}

  static async start(): Promise<AnchorServer> {
    const server = createServer();
    const anchor = new AnchorServer(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const { 'content-type': type = '', authorization } = request.headers;
        anchor.received.push({ type, authorization, body });
        const answer = anchor.respond(body);
        if (!answer) return;
        const headers = answer.type === undefined ? {} : { 'content-type': answer.type };
        response.writeHead(answer.status, headers).end(answer.body);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return anchor;
  }

  get address(): string {
    const { port } = this.server.address() as AddressInfo;
    return `127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
