import type { EntityManager } from 'typeorm';
import { sql } from './sql.js';

/** Asks the database for rows. */
type Ask = <Row>(text: string, parameters: readonly unknown[]) => Promise<Row[]>;

/** Finds what a piece of work is about, as it can be seen now or locked until the transaction ends. */
export type Look<Found> = (ask: Ask, as: 'seen' | 'locked') => Promise<Found>;

export function lock<Found>(manager: EntityManager, look: Look<Found>): Promise<Found> {
  return look((text, parameters) => sql(manager, text, parameters), 'locked');
}
