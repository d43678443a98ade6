import type { EntityManager } from 'typeorm';

/** What waits for the end of the transactions that managers work in. */
class Waiting<Work> {
  private readonly lists = new WeakMap<EntityManager, Work[]>();

  add(manager: EntityManager, work: Work): void {
    const list = this.lists.get(manager);
    if (list) list.push(work);
    else this.lists.set(manager, [work]);
  }

  /** It waits no more then. */
  take(manager: EntityManager): readonly Work[] {
    const list = this.lists.get(manager) ?? [];
    this.lists.delete(manager);
    return list;
  }
}

const forCommit = new Waiting<() => void>();
const forRollback = new Waiting<() => Promise<unknown>>();

/** Does something once, and only if, the transaction that `manager` works in is committed: counting, notifying. */
export function afterCommit(manager: EntityManager, work: () => void): void {
  forCommit.add(manager, work);
}

/**
 * Does something once, and only if, the transaction that `manager` works in is undone: what has to stay although the
 * request was refused. Whoever asked is answered after it; that it fails changes nothing for them.
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
