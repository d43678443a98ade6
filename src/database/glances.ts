import type { EntityManager } from 'typeorm';
import type { Work } from './connection.js';
import { losesConnection } from './postgres-errors.js';
import { sqlAmongOthers } from './sql.js';
import { NotReached } from './statement-batch.js';

interface Glance {
  readonly text: string;
  readonly parameters: readonly unknown[];
  readonly resolve: (rows: unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Batches short reads of different requests: all reads of one event-loop turn share one connection, one round trip and
 * one socket write. A slow read delays its whole batch, so use it only for lookups by primary key.
 */
export class Glances {
  private waiting: Glance[] = [];

  /** @param use runs work on a connection; closes the connection if the work rejects because it is lost */
  constructor(private readonly use: (work: Work<void>) => Promise<void>) {}

  ask<Row>(text: string, parameters: readonly unknown[]): Promise<Row[]> {
    return new Promise<unknown[]>((resolve, reject) => {
      this.add({ text, parameters, resolve, reject });
    }) as Promise<Row[]>;
  }

  private add(glance: Glance): void {
    this.waiting.push(glance);
    // After all requests of this event-loop turn have queued their reads.
    if (this.waiting.length === 1) setImmediate(() => void this.askTogether());
  }

  private async askTogether(): Promise<void> {
    const glances = this.waiting;
    this.waiting = [];
    try {
      await this.use(async (manager) => {
        const errors = await Promise.all(glances.map((glance) => this.answer(manager, glance)));
        const lost = errors.find(losesConnection);
        if (lost !== undefined) throw lost;
      });
    } catch (error) {
      for (const glance of glances) if (!this.waiting.includes(glance)) glance.reject(error);
    }
  }

  /** Resolves or rejects one read, and returns its error. A read that was skipped goes to the next batch. */
  private async answer(manager: EntityManager, glance: Glance): Promise<Error | undefined> {
    try {
      glance.resolve(await sqlAmongOthers(manager, glance.text, glance.parameters));
      return undefined;
    } catch (error) {
      if (error instanceof NotReached) this.add(glance);
      else glance.reject(error);
      return error instanceof Error ? error : undefined;
    }
  }
}
