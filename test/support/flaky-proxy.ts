import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';

/** The fates of the first requests with one method, path and idempotency key. Later ones pass. */
type Fate = 'refuse' | 'cut';

/**
 * Stands between a client and a controller. Of each write, the first request is refused with 503 and the second is
 * forwarded, but its response is lost. The client succeeds only if it sends the third with the same idempotency key.
 */
export class FlakyProxy {
  /** Method, path and idempotency key of each write that arrived. */
  readonly writes: { line: string; key: string | undefined }[] = [];
  private readonly seen = new Map<string, number>();

  private constructor(
    private readonly server: Server,
    private readonly target: string,
    private readonly fates: readonly Fate[],
  ) {
    server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
      void this.forward(incoming, outgoing);
    });
  }

  static async start(
    target: string,
    fates: readonly Fate[] = ['refuse', 'cut'],
  ): Promise<FlakyProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FlakyProxy(server, target, fates);
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP server');
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming;
    const body = await buffer(incoming);
    const fate = method === 'GET' ? undefined : this.fateOf(`${method} ${url}`, headers);
    if (fate === 'refuse') {
      outgoing.writeHead(503, { 'retry-after': '0' }).end();
      return;
    }
    const forwarded = request(`${this.target}${url}`, { method, headers }, (response) => {
      if (fate === 'cut') {
        response.resume().once('end', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forwarded.destroy());
    forwarded.end(body);
  }

  private fateOf(line: string, headers: IncomingMessage['headers']): Fate | undefined {
    const key = headers['idempotency-key'];
    const name = `${line} ${String(key)}`;
    const sent = this.seen.get(name) ?? 0;
    this.seen.set(name, sent + 1);
    this.writes.push({ line, key: typeof key === 'string' ? key : undefined });
    return this.fates[sent];
  }
}
