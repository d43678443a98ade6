import type { Agent } from '../auth/agent.js';
import { defaultActingRole } from '../auth/roles.js';
import { fingerprint } from './fingerprint.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import type { KeyedRequest } from './idempotency.service.js';
import { idempotencyScope } from './scope.js';

/** A request as its caller wrote it. */
export interface WrittenRequest {
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
}: WrittenRequest): KeyedRequest | undefined {
  const key = METHODS.has(method) ? parseIdempotencyKey(rawKey) : undefined;
  if (key === undefined) return undefined;
  const { subject, roles } = agent;
  const actingRole = defaultActingRole(agent) ?? '';
  return {
    scope: idempotencyScope({ subject, actingRole, method, path, key }),
    fingerprint: fingerprint(body, query),
    key,
    caller: subject,
    roles,
    method,
    path,
  };
}
