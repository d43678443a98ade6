import { AsyncLocalStorage } from 'node:async_hooks';
import { newId } from './new-id.js';

/** Data of the current request, available to all code that it runs. */
export interface RequestContext {
  /** UUID that connects the requests of one workflow across agents. */
  readonly traceId: string;
  /** Subject of the caller's token, after verification. */
  subject?: string;
  /** UUID for `tasks.idempotency_key` of a task that this request routes. Set if the request has an idempotency key. */
  taskKey?: TaskKey;
  /** First change of the request, from its audit event. */
  affected?: AffectedResource;
}

/** A change that a request made. */
export interface AffectedResource {
  /** Role that the request acted for. */
  role: string;
  /** Type and id of the resource that was created or changed. */
  type: 'task' | 'session' | 'approval' | 'audit_event';
  id: string;
}

/** `preferred` is the client's idempotency key if it is a UUID. `derived` is used if it is not, or is in use already. */
interface TaskKey {
  readonly preferred?: string;
  readonly derived: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work`, including its asynchronous continuations, with `context`. */
export function withRequestContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** Returns the context of the current request; undefined in sweeps and at start-up. */
export function requestContext(): RequestContext | undefined {
  return storage.getStore();
}

/** Returns the trace id of the current request. Outside a request, returns a new one on each call. */
export function currentTraceId(): string {
  return requestContext()?.traceId ?? newId();
}

/** Stores the first change of the request; ignores later ones. */
export function recordAffectedResource(effect: AffectedResource): void {
  const context = requestContext();
  if (context) context.affected ??= effect;
}
