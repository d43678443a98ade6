import type { EntityManager } from 'typeorm';
import { pipelineOf } from './pipeline.js';
import { NotReached } from './statement-batch.js';

/**
 * Runs one SQL statement and gives its rows. Statements that are started together, as in `Promise.all`, cost one round
 * trip and run in the order in which they were started, each with a snapshot of its own.
 */
export async function sql<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  try {
    return await sqlAmongOthers<Row>(manager, text, parameters);
  } catch (error) {
    throw error instanceof NotReached ? error.cause : error;
  }
}

/** The same beside the statements of others; rejects with `NotReached` where one of theirs has failed before it. */
export async function sqlAmongOthers<Row>(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[],
): Promise<Row[]> {
  log(manager, text, parameters);
  return (await pipelineOf(manager).send(text, parameters)).rows as Row[];
}

/**
 * Runs one SQL statement whose rows nobody needs, without a round trip of its own: along with the next statement of the
 * transaction, before that one, and at the latest with COMMIT. Should it fail, so does what it travels with.
 *
 * @param raceOn a constraint that it violates only when somebody else was first: then the transaction runs again
 */
export function sqlAlong(
  manager: EntityManager,
  text: string,
  parameters: readonly unknown[] = [],
  raceOn?: string,
): void {
  log(manager, text, parameters);
  pipelineOf(manager).sendAlong(text, parameters, raceOn);
}

function log({ dataSource }: EntityManager, text: string, parameters: readonly unknown[]): void {
  dataSource.logger.logQuery(text, [...parameters]);
}
