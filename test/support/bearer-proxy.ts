import { createServer, type IncomingMessage, request as ask, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A way to a controller that adds a token, for clients that cannot; on the loopback interface. */
export class BearerProxy {
  private readonly server = createServer((request, response) => {
    this.pass(request, response);
  });

  private constructor(
    /** Where it leads to now. */
    public target: string,
    private readonly token: string,
  ) {}

  static async start(target: string, token: string): Promise<BearerProxy> {
    const proxy = new BearerProxy(target, token);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://localhost:${port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, headers, url = '/' } = incoming;
    const onward = ask(
      `${this.target}${url}`,
      { method, headers: { ...headers, authorization: `Bearer ${this.token}` } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }
}
