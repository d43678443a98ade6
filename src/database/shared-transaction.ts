import type { Deferred } from './pipeline.js';
import type { Connection, Work } from './connection.js';

/** One transaction in which several functions run, one after the other. The first of them begins it. */
export class SharedTransaction {
  private opening?: Promise<Connection>;

  constructor(
    private readonly connect: () => Promise<Connection>,
    private readonly onBegin: Work<void>,
  ) {}

  get isOpen(): boolean {
    return this.opening !== undefined;
  }

  async join<T>(work: Work<T | Deferred<T>>): Promise<T> {
    this.opening ??= this.open();
    const connection = await this.opening;
    return connection.resolve(await work(connection.manager));
  }

  /** Commits, if the transaction has begun, and releases the connection. */
  async commit(): Promise<void> {
    await this.end((connection) => connection.commit());
  }

  /** Rolls back and releases the connection. Closes the connection if `reason` shows that it is lost. */
  async rollback(reason: unknown): Promise<void> {
    await this.end((connection) => connection.rollback(reason));
  }

  private async open(): Promise<Connection> {
    const connection = await this.connect();
    try {
      connection.begin();
      await this.onBegin(connection.manager);
      return connection;
    } catch (error) {
      await connection.rollback(error);
      await connection.release();
      throw error;
    }
  }

  private async end(end: (connection: Connection) => Promise<void>): Promise<void> {
    const connection = await this.opening?.catch(() => undefined);
    this.opening = undefined;
    if (!connection) return;
    try {
      await end(connection);
    } finally {
      await connection.release();
    }
  }
}
