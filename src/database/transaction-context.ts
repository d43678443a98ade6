import type { EntityManager } from 'typeorm';

/** Attaches one value to a transaction, for all code that runs in it. A retry of the transaction begins without it. */
export class TransactionContext<T> {
  private readonly values = new WeakMap<EntityManager, T>();

  set(manager: EntityManager, value: T): void {
    this.values.set(manager, value);
  }

  /** Returns the value; undefined in a transaction without one, and outside of a transaction. */
  find(manager: EntityManager): T | undefined {
    return this.values.get(manager);
  }

  /** Returns the value. Throws an Error in a transaction without one. */
  get(manager: EntityManager): T {
    const value = this.find(manager);
    if (value === undefined) throw new Error('The transaction has no such context');
    return value;
  }
}
