import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

// https://www.postgresql.org/docs/current/protocol-message-formats.html
const READY_FOR_QUERY = Buffer.from('Z\0\0\0\x05I');
const ADMIN_SHUTDOWN = Buffer.from('E\0\0\0\x13SFATAL\0C57P01\0\0');

/** A proxy in front of PostgreSQL that can lose the response to COMMIT, or end a connection that has just opened. */
export class CommitProxy {
  onCommit: 'pass' | 'break' | 'swallow' = 'pass';
  private endsNext = false;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly databaseUrl: string,
  ) {
    server.on('connection', (client: Socket) => {
      this.carry(client);
    });
  }

  static async start(databaseUrl: string): Promise<CommitProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CommitProxy(server, databaseUrl);
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP server');
    const through = new URL(this.databaseUrl);
    through.host = `127.0.0.1:${address.port}`;
    return through.href;
  }

  /** Ends the next connection together with its ReadyForQuery message. */
  endNext(): void {
    this.endsNext = true;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  private carry(client: Socket): void {
    const { hostname, port } = new URL(this.databaseUrl);
    const server = connect(Number(port), hostname);
    let lost: typeof this.onCommit = 'pass';
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (data) => {
      if (data.includes('COMMIT')) lost = this.onCommit;
      server.write(data);
    });
    server.on('data', (data) => {
      if (lost === 'break') client.destroy();
      if (this.endsNext && data.includes(READY_FOR_QUERY)) {
        this.endsNext = false;
        client.end(Buffer.concat([data, ADMIN_SHUTDOWN]));
      } else if (lost === 'pass') client.write(data);
    });
  }
}
