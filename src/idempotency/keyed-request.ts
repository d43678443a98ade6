import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { fingerprint } from './fingerprint.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { idempotencyScope, requestIdentity } from './scope.js';

/** A request that must happen once. */
export interface KeyedRequest {
  /** Within what the key means one request; see {@link requestIdentity}. */
  identity: Buffer;
  /** Under which the record is stored; see {@link idempotencyScope}. */
  scope: Buffer;
  /** What is asked for; see {@link fingerprint}. */
  fingerprint: Buffer;
  key: string;
  /** The caller's subject, and the roles that it has now. */
  caller: string;
  roles: readonly string[];
  agent: Agent;
  method: string;
  path: string;
}

/** A request as its caller wrote it. */
export interface RawRequest {
  agent: Agent;
  /** What its `Idempotency-Key` holds. */
  rawKey: string | string[] | undefined;
  method: string;
  /** The concrete path, with the ids in it. */
  path: string;
  body: unknown;
  query: unknown;
}

const METHODS = new Set(['POST', 'PUT']);

/**
 * The request as one that must happen once; undefined when it carries no key, or nothing happens by its method.
 *
 * @throws InvalidInputError when the key breaks a rule
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
  };
}
