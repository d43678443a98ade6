import { hash } from 'node:crypto';

/** The parts of the primary key of a record. */
export interface IdempotencyScope {
  /** `iss#sub` of the caller. */
  readonly subject: string;
  /** The default acting role of the caller. */
  readonly actingRole: string;
  readonly method: string;
  /** The path with its ids. */
  readonly path: string;
  readonly key: string;
}

/**
 * Returns the identity of a keyed request: the SHA-256 of caller, method, path and idempotency key as a JSON array. It
 * contains no role: the default role of a token can change between a request and its retry, and a role that the request
 * names is part of its fingerprint.
 */
export function requestIdentity({
  subject,
  method,
  path,
  key,
}: Omit<IdempotencyScope, 'actingRole'>): Buffer {
  return hash('sha256', JSON.stringify([subject, method, path, key]), 'buffer');
}

/**
 * Returns the primary key of a record: the SHA-256 of the parts as a JSON array, as the previous version computes it. A
 * later version can use {@link requestIdentity} instead.
 */
export function idempotencyScope({
  subject,
  actingRole,
  method,
  path,
  key,
}: IdempotencyScope): Buffer {
  return hash('sha256', JSON.stringify([subject, actingRole, method, path, key]), 'buffer');
}

/** Returns the scope of a response in Redis: the scope of the record within one deployment. */
export function cacheScope(deployment: string, scope: Buffer): Buffer {
  return hash('sha256', `${deployment} ${scope.toString('hex')}`, 'buffer');
}

/** Returns the id of the advisory lock of a hash: its first 8 bytes as a signed `bigint` in decimal. */
export function advisoryLockId(scope: Buffer): string {
  return scope.readBigInt64BE().toString();
}
