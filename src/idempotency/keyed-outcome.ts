import type { KeyedRequest } from './keyed-request.js';
import type { StoredResponse } from './stored-response.js';

/** The response of the handler. */
export interface HandlerResponse {
  status: number;
  body: string;
}

export type HitKind = 'cache_hit' | 'local_hit' | 'stored_record';

/** The response to an earlier execution was found: in Redis, in the memory of this instance, or in PostgreSQL. */
export interface Hit<Kind extends HitKind = HitKind> {
  readonly kind: Kind;
  readonly response: StoredResponse;
}

/** The handler was executed, and its transaction committed. */
export interface Executed {
  readonly kind: 'executed';
  readonly response: HandlerResponse;
  /** The stored form of the response. Absent for status 204, which is not stored. */
  readonly stored?: StoredResponse;
}

/** Another request with the idempotency key is in progress, on this instance or another one. */
export interface LockedElsewhere {
  readonly kind: 'locked_elsewhere';
}

/** A response was found that the request must not receive: its body or query differs, or the caller lost the role. */
export interface Refused {
  readonly kind: 'mismatch' | 'role_not_held';
}

/**
 * The outcome of a keyed request. The table "Outcomes" in docs/idempotency.md lists the response and the metric of each.
 * An error of the handler is no outcome: it is thrown, and nothing is stored.
 */
export type KeyedOutcome = Hit | Executed | LockedElsewhere | Refused;

/**
 * Returns the hit if the request may receive its response, else the reason of the refusal.
 *
 * @param isSameRequest whether the response belongs to a request with this content
 */
export function checkHit(request: KeyedRequest, hit: Hit, isSameRequest: boolean): Hit | Refused {
  const { actingRole } = hit.response;
  if (!isSameRequest) return { kind: 'mismatch' };
  const isHeld = actingRole === null || request.roles.includes(actingRole);
  return isHeld ? hit : { kind: 'role_not_held' };
}
