import type { EntityManager } from 'typeorm';
import { isConnectionLost } from '../postgres-errors.js';
import { SkippedStatementError } from './statement-batch.js';

interface QueuedRead {
  readonly text: string;
  readonly parameters: readonly unknown[];
  readonly resolve: (rows: unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Batches short reads of different requests: all reads of one event-loop turn share one connection, one round trip and
 * one socket write. A slow read delays its whole batch, so use it only for lookups by primary key.
 */
export class ReadBatcher {
  private queue: QueuedRead[] = [];

  /**
   * @param use runs work on a connection; closes the connection if the work rejects because it is lost
   * @param send sends one read; rejects as skipped if an earlier read of the batch fails
   */
  constructor(
    private readonly use: (work: (manager: EntityManager) => Promise<void>) => Promise<void>,
    private readonly send: (
      manager: EntityManager,
      text: string,
      parameters: readonly unknown[],
    ) => Promise<unknown[]>,
  ) {}

  query<Row>(text: string, parameters: readonly unknown[]): Promise<Row[]> {
    return new Promise<unknown[]>((resolve, reject) => {
      this.enqueue({ text, parameters, resolve, reject });
    }) as Promise<Row[]>;
  }

  private enqueue(read: QueuedRead): void {
    this.queue.push(read);
    // After all requests of this event-loop turn have queued their reads.
    if (this.queue.length === 1) setImmediate(() => void this.flush());
  }

  private async flush(): Promise<void> {
    const reads = this.queue;
    this.queue = [];
    try {
      await this.use(async (manager) => {
        const errors = await Promise.all(reads.map((read) => this.settle(manager, read)));
        const lost = errors.find(isConnectionLost);
        if (lost !== undefined) throw lost;
      });
    } catch (error) {
      for (const read of reads) if (!this.queue.includes(read)) read.reject(error);
    }
  }

  /** Resolves or rejects one read, and returns its error. A read that was skipped goes to the next batch. */
  private async settle(manager: EntityManager, read: QueuedRead): Promise<Error | undefined> {
    try {
      read.resolve(await this.send(manager, read.text, read.parameters));
      return undefined;
    } catch (error) {
      if (error instanceof SkippedStatementError) this.enqueue(read);
      else read.reject(error);
      return error instanceof Error ? error : undefined;
    }
  }
}
