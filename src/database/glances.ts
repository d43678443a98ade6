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
 * Short reads of different requests, made together: those that come in one turn of the event loop share a connection, a
 * round trip and a write, where each would have its own. They wait for each other, so none may take long.
 */
export class Glances {
  private waiting: Glance[] = [];

  /** @param use runs work on a connection, which it does not give back when the work tells that it is lost */
  constructor(private readonly use: (work: Work<void>) => Promise<void>) {}

  ask<Row>(text: string, parameters: readonly unknown[]): Promise<Row[]> {
    return new Promise<unknown[]>((resolve, reject) => {
      this.add({ text, parameters, resolve, reject });
    }) as Promise<Row[]>;
  }

  private add(glance: Glance): void {
    this.waiting.push(glance);
    // Once everything that was received in this turn has been looked at.
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

  /** Gives the error, if it is this one's own; for that of another one, it is asked again. */
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
