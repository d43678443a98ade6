import { hash } from 'node:crypto';

/** What the primary key of a record is made of. */
export interface IdempotencyScope {
  /** Issuer and `sub` of the caller. */
  readonly subject: string;
  /** The role that the caller acts for when it names none. */
  readonly actingRole: string;
  readonly method: string;
  /** The concrete path, with the ids in it. */
  readonly path: string;
  readonly key: string;
}

/**
 * The 32 bytes that stand for a request: the SHA-256 of caller, method, path and key as a JSON array. Within these a
 * key means one request. No role is among them: the default of a token may change between a request and its retry, and
 * a role that the request names is part of its fingerprint.
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
 * The 32 bytes under which a record is stored, the way the previous version looks for it: the SHA-256 of its parts as a JSON array, which no two
 * scopes share. A later version can store records under {@link requestIdentity}.
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

/** The key of the Postgres advisory lock of a hash: its first eight bytes as a signed `bigint`, in decimal. */
export function advisoryLockId(scope: Buffer): string {
  return scope.readBigInt64BE().toString();
}
