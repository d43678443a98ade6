import { hash } from 'node:crypto';

/** Within what a key means one request: the same key under anything else is another request. */
export interface IdempotencyScope {
  /** Issuer and `sub` of the caller. */
  readonly subject: string;
  /** The role that the caller acts for. */
  readonly actingRole: string;
  readonly method: string;
  /** The concrete path, with the ids in it. */
  readonly path: string;
  readonly key: string;
}

/** The 32 bytes that stand for a scope: the SHA-256 of its parts as a JSON array, which no two scopes share. */
export function idempotencyScope({
  subject,
  actingRole,
  method,
  path,
  key,
}: IdempotencyScope): Buffer {
  return hash('sha256', JSON.stringify([subject, actingRole, method, path, key]), 'buffer');
}

/** The key of the Postgres advisory lock of a scope: its first eight bytes as a signed `bigint`, in decimal. */
export function advisoryLockId(scope: Buffer): string {
  return scope.readBigInt64BE().toString();
}
