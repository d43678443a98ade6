import type { ClientBase } from 'pg';
import utils from 'pg/lib/utils.js';
import type { EntityManager } from 'typeorm';
import { answersOtherwise } from './postgres-errors.js';
import { type Result, type Statement, StatementBatch } from './statement-batch.js';
import type { StatementNames } from './statement-names.js';

/** Options of a statement. */
type Terms = Partial<Pick<Statement, 'raceOn' | 'most'>>;

/**
 * Sends statements to one connection. Statements of the same event-loop turn are one batch, in their order. Statements
 * that arrive while a batch is in flight go into the next batch.
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

  /** Queues a statement and flushes. Rejects as skipped if an earlier statement of the batch fails. */
  send(text: string, values: readonly unknown[] = [], terms?: Terms): Promise<Result> {
    const result = this.sendWithNext(text, values, terms);
    this.takeOff();
    return result;
  }

  /** Queues a statement that is sent with the next flush, before the statements queued later. Rejects like {@link send}. */
  sendWithNext(text: string, values: readonly unknown[] = [], terms?: Terms): Promise<Result> {
    return new Promise((succeed, fail) => {
      this.add(text, values, succeed, fail, terms);
    });
  }

  /** Sends the queued statements, without waiting for a further one: in a microtask, or when the batch in flight is done. */
  takeOff(): void {
    this.isDue = true;
    if (this.isFlying) return;
    queueMicrotask(() => {
      this.fly();
    });
  }

  /** Queues a statement without a result. If it fails, the statements after it in the batch are skipped. */
  sendAlong(text: string, values: readonly unknown[] = [], terms?: Terms): void {
    this.add(text, values, ignore, ignore, terms);
  }

  /** Whether anything was sent. */
  get isUsed(): boolean {
    return this.hasFlown;
  }

  /** Discards the queued statements. */
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
    // Commands such as COMMIT have no parameters and are cheap to parse, so they are not prepared.
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

/** Attaches a pipeline to an entity manager: the functions of sql.ts send through it. */
export function pave(manager: EntityManager, pipeline: Pipeline): void {
  pipelines.set(manager, pipeline);
}

export function pipelineOf(manager: EntityManager): Pipeline {
  const pipeline = pipelines.get(manager);
  if (!pipeline)
    throw new Error('The entity manager has no pipeline: use the one from Transactions.');
  return pipeline;
}

function ignore(): void {
  // Nothing awaits a statement that was queued without a result.
}
