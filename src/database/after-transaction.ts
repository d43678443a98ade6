import type { EntityManager } from 'typeorm';

/** Hooks that run at the end of a transaction, per entity manager. */
class Waiting<Work> {
  private readonly lists = new WeakMap<EntityManager, Work[]>();

  add(manager: EntityManager, work: Work): void {
    const list = this.lists.get(manager);
    if (list) list.push(work);
    else this.lists.set(manager, [work]);
  }

  /** Returns the hooks of a transaction, and removes them. */
  take(manager: EntityManager): readonly Work[] {
    const list = this.lists.get(manager) ?? [];
    this.lists.delete(manager);
    return list;
  }
}

const forCommit = new Waiting<() => void>();
const forRollback = new Waiting<() => Promise<unknown>>();

/** Registers a hook that runs once, and only if the transaction of `manager` commits. Use it for counters and notifications. */
export function afterCommit(manager: EntityManager, work: () => void): void {
  forCommit.add(manager, work);
}

/**
 * Registers a hook that runs once, and only if the transaction of `manager` rolls back. Use it for writes that must
 * persist although the request is refused. The response is sent after the hook; an error of the hook is ignored.
 */
export function afterRollback(manager: EntityManager, work: () => Promise<unknown>): void {
  forRollback.add(manager, work);
}

export function takeAfterCommit(manager: EntityManager): readonly (() => void)[] {
  return forCommit.take(manager);
}

export function takeAfterRollback(manager: EntityManager): readonly (() => Promise<unknown>)[] {
  return forRollback.take(manager);
}
