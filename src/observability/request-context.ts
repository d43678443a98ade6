import { AsyncLocalStorage } from 'node:async_hooks';
import { newId } from './new-id.js';

/** What every line of code under one request may want to know of it. */
export interface RequestContext {
  /** The UUID that ties one workflow together across agents. */
  readonly traceId: string;
  /** The subject of the caller's token, once it is verified. */
  subject?: string;
  /** The UUID that a task routed by this request is to be stored under (`tasks.idempotency_key`), when it carries a key. */
  taskKey?: TaskKey;
  /** What the request brought about first, as its audit event tells. */
  effect?: Effect;
}

/** A change that a request made. */
export interface Effect {
  /** The role that it was made for. */
  role: string;
  /** The kind of the thing that was made or changed, and its id. */
  type: 'task' | 'session' | 'approval' | 'audit_event';
  id: string;
}

/** The client's own key when that is a UUID, and the one to take when it is not or is taken. */
interface TaskKey {
  readonly preferred?: string;
  readonly derived: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work`, and all that it starts, under `context`. */
export function withRequestContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** The context of the request under way; undefined in sweeps and at start-up. */
export function requestContext(): RequestContext | undefined {
  return storage.getStore();
}

/** The trace of the request under way; work outside any request has one of its own. */
export function currentTraceId(): string {
  return requestContext()?.traceId ?? newId();
}

/** Remembers what the request brought about, unless something came before it. */
export function noteEffect(effect: Effect): void {
  const context = requestContext();
  if (context) context.effect ??= effect;
}
