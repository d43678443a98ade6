import type { EntityManager } from 'typeorm';
import {
  type ConflictOn,
  Deferred,
  pipelineOf,
  RAISED_CONFLICT,
  type Result,
  SkippedStatementError,
} from './pipeline.js';

export { Deferred, RAISED_CONFLICT };

/**
 * Runs one SQL statement and returns its rows. Statements that start together, as in `Promise.all`, cost one round trip
 * and run in the order in which they start. Each sees its own snapshot.
 *
 * @param conflictOn the failure that is a conflict with a concurrent transaction. The transaction is then retried.
 */
export function sql<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
  conflictOn?: ConflictOn,
): Promise<Row[]> {
  log(manager, text, parameters);
  return pipelineOf(manager)
    .send(text, parameters, { conflictOn })
    .then(rowsOf<Row>, rethrow);
}

/**
 * Limit of one page of a list, in characters received from the database. Each row can be as large as a request body, and
 * all rows of the page are in memory at the same time.
 */
const MAX_PAGE_CHARS = 4 * 2 ** 20;

/** Rows of a list, in its order. */
export interface RowPage<Row> {
  rows: Row[];
  /** Whether the database returned more rows than fit into one page. */
  isTruncated: boolean;
}

/** Runs one SQL statement for a page of a list. Omits the rows that exceed the size limit of a page, except the first. */
export function sqlPage<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[],
): Promise<RowPage<Row>> {
  log(manager, text, parameters);
  return pipelineOf(manager)
    .send(text, parameters, { maxChars: MAX_PAGE_CHARS })
    .then((result) => ({ rows: rowsOf<Row>(result), isTruncated: result.isTruncated }), rethrow);
}

/**
 * Like {@link sql}, in a batch with statements of other requests. Rejects as skipped if an earlier statement of another
 * request fails.
 */
export function sqlInBatch<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[],
): Promise<Row[]> {
  log(manager, text, parameters);
  return pipelineOf(manager)
    .send(text, parameters)
    .then(rowsOf<Row>);
}

/**
 * Queues the last SQL statement of a transaction. It is sent in one batch with COMMIT, so it costs no round trip. Its
 * rows are available to the caller that runs the transaction, and never inside the transaction.
 *
 * @param conflictOn as for {@link sql}
 */
export function sqlWithCommit<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
  conflictOn?: ConflictOn,
): Deferred<Row[]> {
  log(manager, text, parameters);
  return new Deferred(
    pipelineOf(manager)
      .queueForResult(text, parameters, { conflictOn })
      .then(rowsOf<Row>, rethrow),
  );
}

/**
 * Queues one SQL statement whose rows are not needed. It is sent in one batch with the next statement of the transaction,
 * before that statement, and at the latest with COMMIT, so it costs no round trip. If it fails, the next statement fails.
 *
 * @param conflictOn as for {@link sql}
 */
export function queueSql(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
  conflictOn?: ConflictOn,
): void {
  log(manager, text, parameters);
  pipelineOf(manager).queue(text, parameters, { conflictOn });
}

function rowsOf<Row>({ rows }: Result): Row[] {
  return rows as Row[];
}

function rethrow(error: unknown): never {
  throw error instanceof SkippedStatementError ? error.cause : error;
}

function log({ dataSource }: EntityManager, text: string, parameters: readonly unknown[]): void {
  dataSource.logger.logQuery(text, [...parameters]);
}
