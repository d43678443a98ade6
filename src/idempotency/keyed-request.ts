import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { fingerprint } from './fingerprint.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { idempotencyScope, requestIdentity } from './scope.js';

/** A request with an idempotency key. */
export interface KeyedRequest {
  /** Identifies the request; see {@link requestIdentity}. */
  identity: Buffer;
  /** Primary key of its record; see {@link idempotencyScope}. */
  scope: Buffer;
  /** Digest of its content; see {@link fingerprint}. */
  fingerprint: Buffer;
  key: string;
  /** Subject and current roles of the caller. */
  caller: string;
  roles: readonly string[];
  agent: Agent;
  method: string;
  path: string;
  body: unknown;
  query: unknown;
}

/** A request as received. */
export interface RawRequest {
  agent: Agent;
  /** The value of `Idempotency-Key`. */
  rawKey: string | string[] | undefined;
  method: string;
  /** The path with its ids. */
  path: string;
  body: unknown;
  query: unknown;
}

const METHODS = new Set(['POST', 'PUT']);

/**
 * Returns the keyed request; undefined without an idempotency key, or with a method other than POST and PUT.
 *
 * @throws InvalidInputError if the idempotency key is not valid
 */
export function keyedRequest({
  agent,
  rawKey,
  method,
  path,
  body,
  query,
}: RawRequest): KeyedRequest | undefined {
  const key = METHODS.has(method) ? parseIdempotencyKey(rawKey) : undefined;
  if (key === undefined) return undefined;
  const { subject, roles } = agent;
  const actingRole = defaultActingRole(agent) ?? '';
  return {
    identity: requestIdentity({ subject, method, path, key }),
    scope: idempotencyScope({ subject, actingRole, method, path, key }),
    fingerprint: fingerprint(body, query),
    key,
    caller: subject,
    roles,
    agent,
    method,
    path,
    body,
    query,
  };
}
