import type { EntityManager } from 'typeorm';

const waiting = new WeakMap<EntityManager, (() => void)[]>();

/** Does something once, and only if, the transaction that `manager` works in is committed: counting, notifying. */
export function afterCommit(manager: EntityManager, work: () => void): void {
  const list = waiting.get(manager);
  if (list) list.push(work);
  else waiting.set(manager, [work]);
}

/** What is waiting for the transaction of `manager`, which then waits no more. */
export function takeAfterCommit(manager: EntityManager): (() => void)[] {
  const list = waiting.get(manager) ?? [];
  waiting.delete(manager);
  return list;
}
