import type { EntityManager } from 'typeorm';
import { Coming } from './coming.js';
import { pipelineOf } from './pipeline.js';
import { NotReached, type Result } from './statement-batch.js';

/**
 * Runs one SQL statement and gives its rows. Statements that are started together, as in `Promise.all`, cost one round
 * trip and run in the order in which they were started, each with a snapshot of its own.
 *
 * @param raceOn a constraint, or a column that must not be null, that it violates only when somebody else was first, or
 *   else an SQLSTATE that it fails with only then: the transaction runs again
 */
export function sql<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
  raceOn?: string,
): Promise<Row[]> {
  log(manager, text, parameters);
  return pipelineOf(manager)
    .send(text, parameters, { raceOn })
    .then(rowsOf<Row>, rethrow);
}

/**
 * How much a page of a list may have, in characters of what the database tells: every row of it may be as large as a
 * body, and all of them are in memory together.
 */
const MOST_OF_A_PAGE = 4 * 2 ** 20;

/** Rows of a list, in its order. */
export interface Listed<Row> {
  rows: Row[];
  /** Whether more followed, which were too much for one page. */
  isCut: boolean;
}

/** Runs one SQL statement for a page of a list. What would make the page too large is left out; one row never is. */
export function sqlList<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[],
): Promise<Listed<Row>> {
  log(manager, text, parameters);
  return pipelineOf(manager)
    .send(text, parameters, { most: MOST_OF_A_PAGE })
    .then((result) => ({ rows: rowsOf<Row>(result), isCut: result.isCut }), rethrow);
}

/**
 * The same as {@link sql} beside the statements of others; rejects with `NotReached` where one of theirs has failed
 * before it.
 */
export function sqlAmongOthers<Row>(
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
 * Runs one SQL statement as the last of a transaction: along with COMMIT, without a round trip of its own. Its rows are
 * for whoever runs the transaction, not for the work inside.
 *
 * @param raceOn as for {@link sql}
 */
export function sqlLast<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
  raceOn?: string,
): Coming<Row[]> {
  log(manager, text, parameters);
  return new Coming(
    pipelineOf(manager)
      .sendWithNext(text, parameters, { raceOn })
      .then(rowsOf<Row>, rethrow),
  );
}

/**
 * Runs one SQL statement whose rows nobody needs, without a round trip of its own: along with the next statement of the
 * transaction, before that one, and at the latest with COMMIT. Should it fail, so does what it travels with.
 *
 * @param raceOn as for {@link sql}
 */
export function sqlAlong(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
  raceOn?: string,
): void {
  log(manager, text, parameters);
  pipelineOf(manager).sendAlong(text, parameters, { raceOn });
}

function rowsOf<Row>({ rows }: Result): Row[] {
  return rows as Row[];
}

function rethrow(error: unknown): never {
  throw error instanceof NotReached ? error.cause : error;
}

function log({ dataSource }: EntityManager, text: string, parameters: readonly unknown[]): void {
  dataSource.logger.logQuery(text, [...parameters]);
}
