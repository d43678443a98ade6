import type { EntityManager } from 'typeorm';
import { DomainError } from '../errors/domain-error.js';
import { queueSql, sql } from './sql.js';
import { markHooks } from './transaction-hooks.js';

/**
 * Runs `work` in a savepoint of the transaction. If `work` rejects with a DomainError, its statements and its hooks are
 * undone, and the transaction can continue. After any other error the transaction must roll back.
 */
export async function inSavepoint<T>(manager: EntityManager, work: () => Promise<T>): Promise<T> {
  const removeHooks = markHooks(manager);
  queueSql(manager, 'SAVEPOINT part');
  try {
    const result = await work();
    queueSql(manager, 'RELEASE SAVEPOINT part');
    return result;
  } catch (error) {
    if (error instanceof DomainError) {
      await sql(manager, 'ROLLBACK TO SAVEPOINT part');
      removeHooks();
    }
    throw error;
  }
}
