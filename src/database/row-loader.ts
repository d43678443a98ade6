import type { EntityManager } from 'typeorm';
import { sql } from './sql.js';

/** Runs a query and returns its rows. */
type RunQuery = <Row>(text: string, parameters: readonly unknown[]) => Promise<Row[]>;

/** A row whose version changes with each update. An UPDATE of one version detects that the row has changed since. */
export interface Versioned {
  readonly version: number;
}

/** Loads the rows that a transaction works on: without a lock, or locked until the transaction ends. */
export type RowLoader<Found> = (
  query: RunQuery,
  options: { readonly forUpdate: boolean },
) => Promise<Found>;

export function loadForUpdate<Found>(
  manager: EntityManager,
  load: RowLoader<Found>,
): Promise<Found> {
  return load((text, parameters) => sql(manager, text, parameters), { forUpdate: true });
}
