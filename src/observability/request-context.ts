import { AsyncLocalStorage } from 'node:async_hooks';
import { newId } from '../common/new-id.js';

/** Data of the current request, available to all code that it runs. */
export interface RequestContext {
  /** UUID that connects the requests of one workflow across agents. */
  readonly traceId: string;
  /** The valid `traceparent` header of the request. */
  readonly traceparent?: string | undefined;
  /** Subject of the caller's token, after verification. */
  subject?: string;
  /** Actions of the policy, one of which the request must authorize. Not set if none of them depends on a resource. */
  requiredActions?: readonly string[];
  /** Actions of the policy that the request has authorized. Set while its handler runs. */
  authorizedActions?: Set<string>;
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

/** Stores that the request has authorized an action of the policy. */
export function recordAuthorizedAction(action: string): void {
  requestContext()?.authorizedActions?.add(action);
}
