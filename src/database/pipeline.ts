import type { ClientBase } from 'pg';
import utils from 'pg/lib/utils.js';
import type { EntityManager } from 'typeorm';
import { answersOtherwise } from './postgres-errors.js';
import { type Result, type Statement, StatementBatch } from './statement-batch.js';
import type { StatementNames } from './statement-names.js';

/** What is agreed of a statement, if anything is. */
type Terms = Partial<Pick<Statement, 'raceOn' | 'most'>>;

/**
 * The way of statements to one connection. Those that are sent in the same turn of the event loop travel together, in
 * their order; what comes while a flight is under way takes the next one.
 */
export class Pipeline {
  private waiting: Statement[] = [];
  private isFlying = false;
  private isDue = false;
  private hasFlown = false;

  constructor(
    private readonly client: ClientBase,
    private readonly names: StatementNames,
  ) {}

  /** Sends a statement; rejects with `NotReached` when one before it has failed. */
  send(text: string, values: readonly unknown[] = [], terms?: Terms): Promise<Result> {
    const result = this.sendWithNext(text, values, terms);
    this.takeOff();
    return result;
  }

  /** Sends a statement along with the next one, before it; the same as {@link send} in all else. */
  sendWithNext(text: string, values: readonly unknown[] = [], terms?: Terms): Promise<Result> {
    return new Promise((succeed, fail) => {
      this.add(text, values, succeed, fail, terms);
    });
  }

  /** Lets what waits for a next statement go without one. */
  takeOff(): void {
    this.isDue = true;
    if (this.isFlying) return;
    queueMicrotask(() => {
      this.fly();
    });
  }

  /** Lets a statement travel with the next one that is sent, before it; should it fail, that one is not reached. */
  sendAlong(text: string, values: readonly unknown[] = [], terms?: Terms): void {
    this.add(text, values, ignore, ignore, terms);
  }

  /** Whether anything was sent. */
  get isUsed(): boolean {
    return this.hasFlown;
  }

  /** Forgets what has not been sent yet. */
  clear(): void {
    this.waiting = [];
  }

  private add(
    text: string,
    values: readonly unknown[],
    succeed: Statement['succeed'],
    fail: Statement['fail'],
    { raceOn, most }: Terms = {},
  ): void {
    // Commands such as COMMIT take no parameters, and parsing them costs nothing.
    const name = values.length === 0 ? undefined : this.names.of(text);
    this.waiting.push({
      text,
      values: values.map(utils.prepareValue),
      name,
      raceOn,
      most,
      succeed,
      fail: (error) => {
        if (answersOtherwise(error)) this.names.renew();
        fail(error);
      },
    });
  }

  private fly(): void {
    if (this.isFlying || !this.isDue || this.waiting.length === 0) return;
    const statements = this.waiting;
    this.waiting = [];
    this.isFlying = this.hasFlown = true;
    this.isDue = false;
    const landed = (): void => {
      this.isFlying = false;
      this.fly();
    };
    this.client.query(new StatementBatch(statements, landed));
  }
}

const pipelines = new WeakMap<EntityManager, Pipeline>();

/** Makes the statements that are sent through `manager` take this way. */
export function pave(manager: EntityManager, pipeline: Pipeline): void {
  pipelines.set(manager, pipeline);
}

export function pipelineOf(manager: EntityManager): Pipeline {
  const pipeline = pipelines.get(manager);
  if (!pipeline) throw new Error('this needs the manager that Transactions gives');
  return pipeline;
}

function ignore(): void {
  // Whoever sends a statement along does not wait for it.
}
