import type { ClientBase } from 'pg';
import utils from 'pg/lib/utils.js';
import type { EntityManager } from 'typeorm';
import { isStalePreparedStatement } from '../postgres-errors.js';
import { type Result, type Statement, StatementBatch } from './statement-batch.js';
import type { PreparedStatementNames } from './prepared-statement-names.js';

/** Options of a statement. */
type StatementOptions = Partial<Pick<Statement, 'conflictOn' | 'maxChars'>>;

/**
 * Sends statements to one connection. Statements that are issued before the next microtask runs are one batch, in their order. Statements
 * that arrive while a batch is in flight go into the next batch.
 */
export class Pipeline {
  private queued: Statement[] = [];
  private inFlight = false;
  private flushRequested = false;
  private hasSent = false;
  private isInTransaction = false;
  private count = 0;

  /** @param pins the statement with which each transaction begins; undefined if the session has all its settings */
  constructor(
    private readonly client: ClientBase,
    private readonly names: PreparedStatementNames,
    private readonly pins?: string,
  ) {}

  /** Queues BEGIN. Statements without it are one transaction for each batch. */
  begin(): void {
    this.isInTransaction = true;
    if (this.pins === undefined) {
      this.queue('BEGIN');
      return;
    }
    // The isolation level cannot be changed after the first statement.
    this.queue('BEGIN ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE');
    this.queue(this.pins);
  }

  /** Queues a statement and flushes. Rejects as skipped if an earlier statement of the batch fails. */
  send(text: string, values: readonly unknown[] = [], terms?: StatementOptions): Promise<Result> {
    const result = this.queueForResult(text, values, terms);
    this.flush();
    return result;
  }

  /** Queues a statement that is sent with the next flush, before the statements queued later. Rejects like {@link send}. */
  queueForResult(
    text: string,
    values: readonly unknown[] = [],
    terms?: StatementOptions,
  ): Promise<Result> {
    return new Promise((succeed, fail) => {
      this.add(text, values, succeed, fail, terms);
    });
  }

  /** Sends the queued statements, without waiting for a further one: in a microtask, or when the batch in flight is done. */
  flush(): void {
    this.flushRequested = true;
    if (this.inFlight) return;
    queueMicrotask(() => {
      this.sendBatch();
    });
  }

  /** Queues a statement without a result. If it fails, the statements after it in the batch are skipped. */
  queue(text: string, values: readonly unknown[] = [], terms?: StatementOptions): void {
    this.add(text, values, ignore, ignore, terms);
  }

  /** Whether anything was sent. */
  get isUsed(): boolean {
    return this.hasSent;
  }

  /** Number of statements so far, with BEGIN and COMMIT. */
  get statementCount(): number {
    return this.count;
  }

  /** Discards the queued statements. */
  clear(): void {
    this.queued = [];
  }

  private add(
    text: string,
    values: readonly unknown[],
    succeed: Statement['resolve'],
    fail: Statement['reject'],
    { conflictOn, maxChars }: StatementOptions = {},
  ): void {
    this.count += 1;
    // Commands such as COMMIT have no parameters and are cheap to parse, so they are not prepared.
    const name = values.length === 0 ? undefined : this.names.nameFor(text);
    this.queued.push({
      text,
      values: values.map(utils.prepareValue),
      name,
      conflictOn,
      maxChars,
      resolve: succeed,
      reject: (error) => {
        if (isStalePreparedStatement(error)) this.names.invalidateAll();
        fail(error);
      },
    });
  }

  private sendBatch(): void {
    if (this.inFlight || !this.flushRequested || this.queued.length === 0) return;
    if (this.pins !== undefined && !this.isInTransaction) this.pinBatch(this.pins);
    const statements = this.queued;
    this.queued = [];
    this.inFlight = this.hasSent = true;
    this.flushRequested = false;
    const onBatchDone = (): void => {
      this.inFlight = false;
      this.sendBatch();
    };
    this.client.query(new StatementBatch(statements, onBatchDone));
  }

  private pinBatch(pins: string): void {
    this.queue(pins);
    this.queued.unshift(...this.queued.splice(-1));
  }
}

const pipelines = new WeakMap<EntityManager, Pipeline>();

/** Attaches a pipeline to an entity manager: the functions of sql.ts send through it. */
export function attachPipeline(manager: EntityManager, pipeline: Pipeline): void {
  pipelines.set(manager, pipeline);
}

export function pipelineOf(manager: EntityManager): Pipeline {
  const pipeline = pipelines.get(manager);
  if (!pipeline)
    throw new Error('The entity manager has no pipeline: use that of TransactionsService.');
  return pipeline;
}

function ignore(): void {
  // Nothing awaits a statement that was queued without a result.
}
