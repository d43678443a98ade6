import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection that a test drives byte by byte. */
export class SlowClient {
  /** What the controller sent. */
  received = '';

  private constructor(private readonly socket: Socket) {
    socket.on('error', () => undefined);
    socket.pause();
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')));
  }

  /** Opens a connection and sends the beginning of a request. */
  static async send(url: string, lines: readonly string[], body = ''): Promise<SlowClient> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const client = new SlowClient(socket);
    await once(socket, 'connect');
    socket.write(`${[...lines, 'Host: mesh'].join('\r\n')}\r\n\r\n${body}`);
    return client;
  }

  /** Starts to read what the controller sends. */
  read(): this {
    this.socket.resume();
    return this;
  }

  /** Reads nothing more. */
  pause(): this {
    this.socket.pause();
    return this;
  }

  write(text: string): void {
    this.socket.write(text);
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  /** The status of the first response; 0 before it arrives. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1] ?? 0);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The lines of a request that announces a body of so many bytes. */
export function announcing(
  path: string,
  length: number,
  token?: string,
  method = 'POST',
): string[] {
  return [
    `${method} ${path} HTTP/1.1`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Content-Length: ${length}`,
  ];
}
