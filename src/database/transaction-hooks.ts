import type { EntityManager } from 'typeorm';

/** Hooks that run at the end of a transaction, per entity manager. */
class TransactionHooks<Work> {
  private readonly hooks = new WeakMap<EntityManager, Work[]>();

  add(manager: EntityManager, work: Work): void {
    const list = this.hooks.get(manager);
    if (list) list.push(work);
    else this.hooks.set(manager, [work]);
  }

  /** Returns a function that removes the hooks added after this call. */
  mark(manager: EntityManager): () => void {
    const { length } = this.hooks.get(manager) ?? [];
    return () => {
      this.hooks.get(manager)?.splice(length);
    };
  }

  /** Returns the hooks of a transaction, and removes them. */
  drain(manager: EntityManager): readonly Work[] {
    const list = this.hooks.get(manager) ?? [];
    this.hooks.delete(manager);
    return list;
  }
}

const commitHooks = new TransactionHooks<() => void>();
const rollbackHooks = new TransactionHooks<() => Promise<unknown>>();

/** Registers a hook that runs once, and only if the transaction of `manager` commits. Use it for counters and notifications. */
export function afterCommit(manager: EntityManager, work: () => void): void {
  commitHooks.add(manager, work);
}

/**
 * Registers a hook that runs once, and only if the transaction of `manager` rolls back. Use it for writes that must
 * persist although the request is refused. The response is sent after the hook; an error of the hook is ignored.
 */
export function afterRollback(manager: EntityManager, work: () => Promise<unknown>): void {
  rollbackHooks.add(manager, work);
}

/** Returns a function that removes the hooks that are registered after this call. */
export function markHooks(manager: EntityManager): () => void {
  const removals = [commitHooks.mark(manager), rollbackHooks.mark(manager)];
  return () => {
    for (const remove of removals) remove();
  };
}

export function drainCommitHooks(manager: EntityManager): readonly (() => void)[] {
  return commitHooks.drain(manager);
}

export function drainRollbackHooks(manager: EntityManager): readonly (() => Promise<unknown>)[] {
  return rollbackHooks.drain(manager);
}
