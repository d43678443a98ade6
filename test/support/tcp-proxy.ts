import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What becomes of a COMMIT on its way to Postgres:
 * - `cut`: it arrives, and the connection breaks in place of the answer;
 * - `hang`: it arrives, and there is never an answer;
 * - `lose`: the connection breaks before it arrives;
 * - `rollback`: it arrives as a ROLLBACK.
 */
export type CommitFate = 'pass' | 'cut' | 'hang' | 'lose' | 'rollback';

// https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-PARSE
const COMMIT = parse('COMMIT');
const ROLLBACK = parse('ROLLBACK');

/** Stands between controllers and a Postgres on the loopback interface, and lets a test meddle with what passes. */
export class TcpProxy {
  /** Delays everything in both directions by so many milliseconds. */
  latency = 0;
  /** Takes connections and whatever is sent, and hands nothing on: what is lost so does not come later. */
  silent = false;
  private readonly links = new Set<Link>();
  private fates: CommitFate[] = [];
  /** Only COMMITs of transactions with this text are affected. */
  marker?: string;

  private constructor(
    private readonly server: Server,
    /** The port that new connections lead to. */
    public target: number,
  ) {
    server.on('connection', (client) => {
      const link = new Link(this, client.setNoDelay(), connect(this.target, '127.0.0.1'));
      this.links.add(link);
      client.once('close', () => this.links.delete(link));
    });
  }

  static async start(port: number): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, port);
  }

  /** Starts one in front of the server that a database URL names. */
  static inFrontOf(databaseUrl: string): Promise<TcpProxy> {
    return TcpProxy.start(Number(new URL(databaseUrl).port));
  }

  /** The same database, by way of this proxy. */
  url(databaseUrl: string): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP server');
    return Object.assign(new URL(databaseUrl), { host: `127.0.0.1:${address.port}` }).href;
  }

  /** Decides what becomes of the next COMMITs, one each; those after them pass. */
  nextCommits(...fates: CommitFate[]): void {
    this.fates.push(...fates);
  }

  /** The same for the next COMMIT of a transaction that contains a text. COMMITs of other transactions pass. */
  nextCommitOf(text: string, fate: CommitFate): void {
    this.marker = text;
    this.nextCommits(fate);
  }

  /** What becomes of the COMMIT that is passing now. */
  takeFate(): CommitFate {
    this.marker = undefined;
    return this.fates.shift() ?? 'pass';
  }

  /** Breaks all connections. */
  cut(): void {
    for (const link of this.links) link.cut();
  }

  async close(): Promise<void> {
    this.server.close();
    this.cut();
    await once(this.server, 'close');
  }
}

/** One connection that passes through. */
class Link {
  private muted = false;
  private cutOnAnswer = false;
  private isMarked = false;

  constructor(
    private readonly proxy: TcpProxy,
    private readonly client: Socket,
    private readonly server: Socket,
  ) {
    server.setNoDelay();
    for (const socket of [client, server]) socket.on('error', () => undefined);
    this.forward(client, server, (chunk) => this.request(chunk));
    this.forward(server, client, (chunk) => this.answer(chunk));
  }

  cut(): void {
    this.client.destroy();
    this.server.destroy();
  }

  /** Hands chunks on in their order, each as late as the latency is when its turn comes. */
  private forward(from: Socket, to: Socket, edit: (chunk: Buffer) => Buffer | undefined): void {
    let before = Promise.resolve();
    const next = (work: () => void): void => {
      before = before.then(async () => {
        if (this.proxy.latency > 0) await sleep(this.proxy.latency);
        work();
      });
    };
    from.on('data', (chunk: Buffer) => {
      next(() => {
        if (this.proxy.silent) return;
        const edited = edit(chunk);
        if (edited && to.writable) to.write(edited);
      });
    });
    from.on('close', () => {
      next(() => to.destroy());
    });
  }

  private request(chunk: Buffer): Buffer | undefined {
    const { marker } = this.proxy;
    if (marker !== undefined && chunk.includes(marker)) this.isMarked = true;
    const at = chunk.indexOf(COMMIT);
    if (at < 0) return chunk;
    const isOther = marker !== undefined && !this.isMarked;
    this.isMarked = false;
    if (isOther) return chunk;
    switch (this.proxy.takeFate()) {
      case 'pass':
        return chunk;
      case 'cut':
        this.cutOnAnswer = true;
        return chunk;
      case 'hang':
        this.muted = true;
        return chunk;
      case 'lose':
        this.cut();
        return undefined;
      case 'rollback':
        return Buffer.concat([chunk.subarray(0, at), ROLLBACK, chunk.subarray(at + COMMIT.length)]);
    }
  }

  private answer(chunk: Buffer): Buffer | undefined {
    if (this.cutOnAnswer) this.cut();
    return this.muted || this.cutOnAnswer ? undefined : chunk;
  }
}

/** Of a statement without a name or parameters. */
function parse(text: string): Buffer {
  const message = Buffer.alloc(9 + text.length);
  message.write('P');
  message.writeInt32BE(8 + text.length, 1);
  message.write(text, 6);
  return message;
}
