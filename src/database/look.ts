import type { EntityManager } from 'typeorm';
import { sql } from './sql.js';

/** Runs a query and returns its rows. */
type Ask = <Row>(text: string, parameters: readonly unknown[]) => Promise<Row[]>;

/** Loads the rows that a transaction works on: without a lock, or locked until the transaction ends. */
export type Look<Found> = (ask: Ask, as: 'seen' | 'locked') => Promise<Found>;

export function lock<Found>(manager: EntityManager, look: Look<Found>): Promise<Found> {
  return look((text, parameters) => sql(manager, text, parameters), 'locked');
}
