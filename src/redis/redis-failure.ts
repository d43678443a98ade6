import { types } from 'node:util';

/** Meaning of an error code of Redis or of the connection, for `/health` and the log. */
const MEANINGS: Readonly<Record<string, string>> = {
  LOADING: 'Redis is loading its data',
  MISCONF: 'Redis cannot save its data and refuses writes',
  OOM: 'the memory of Redis is full',
  NOAUTH: 'Redis requires a password',
  WRONGPASS: 'Redis refuses the user name or the password',
  NOPERM: 'the ACL of the user lacks a command or a key pattern',
  READONLY: 'Redis is a read-only replica',
  MASTERDOWN: 'the replica has lost its primary',
  CLUSTERDOWN: 'the Redis cluster is down',
  MOVED: 'Redis is a node of a cluster',
  CONNECTING: 'the connection is not established yet',
  SENTINEL: 'no Sentinel responds with the address of the primary',
  TIMEOUT: 'Redis does not respond in time',
  ECONNREFUSED: 'no server listens at the address of Redis',
  ENOTFOUND: 'the host of Redis cannot be resolved',
  EAI_AGAIN: 'the host of Redis cannot be resolved now',
  ENOENT: 'the socket of Redis does not exist',
  EACCES: 'the socket of Redis cannot be opened',
  CERT_HAS_EXPIRED: 'the certificate of Redis has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of Redis is for another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate of Redis is unknown: set REDIS_TLS_CA_FILE',
  SELF_SIGNED_CERT_IN_CHAIN: 'the authority of Redis is unknown: set REDIS_TLS_CA_FILE',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the authority of Redis is unknown: set REDIS_TLS_CA_FILE',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the authority of Redis is unknown: set REDIS_TLS_CA_FILE',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'Redis requires a client certificate: set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE',
};

/** The code of an error without one. */
export const UNKNOWN = 'UNKNOWN';

/** Returns the code of a failed command or connection: that of Redis, such as `OOM`, or of Node, such as `ECONNREFUSED`. */
export function failureCode(error: unknown): string {
  if (!types.isNativeError(error)) return UNKNOWN;
  // The error of a cluster, or of several addresses, states only that all failed.
  if ('lastNodeError' in error && error.lastNodeError) return failureCode(error.lastNodeError);
  if ('errors' in error && Array.isArray(error.errors)) return failureCode(error.errors[0]);
  if (isTimeout(error)) return 'TIMEOUT';
  if (/user executing the script can't/.test(error.message)) return 'NOPERM';
  const [, reply] = /^([A-Z]{2,})(?: |$)/.exec(error.message) ?? [];
  if (reply !== undefined) return reply;
  const [, last] = /Last error: ([A-Z]{2,}) /.exec(error.message) ?? [];
  if (last !== undefined) return last;
  if (error.message.startsWith('All sentinels are unreachable')) return 'SENTINEL';
  return 'code' in error && typeof error.code === 'string' ? error.code : UNKNOWN;
}

/** Returns the reason of a failure without any part of the error, for responses that everybody can read. */
export function failureReason(error: unknown): string {
  return reasonOfCode(failureCode(error));
}

/** Returns the reason of an error code, such as `OOM: the memory of Redis is full`. */
export function reasonOfCode(code: string): string {
  return `${code}: ${MEANINGS[code] ?? 'Redis cannot be used'}`;
}

/** Whether the time limit of a command or the client timed out. In a cluster the client has its own timeout per node. */
export function isTimeout(error: unknown): boolean {
  return (
    types.isNativeError(error) && /^(Command timed out|connect ETIMEDOUT)$/.test(error.message)
  );
}

/**
 * Returns the first sentence of the message, for the log, and the meaning of its code. The rest of it, and other members
 * of an ioredis error, can contain a password or a cached value.
 */
export function logReason(error: unknown): string {
  const text = firstSentence(error);
  const meaning = MEANINGS[failureCode(error)];
  return meaning === undefined ? text : `${text} (${meaning})`;
}

function firstSentence(error: unknown): string {
  if (!types.isNativeError(error)) return 'unknown reason';
  if ('lastNodeError' in error && error.lastNodeError) return firstSentence(error.lastNodeError);
  if ('errors' in error && Array.isArray(error.errors) && error.message === '')
    return firstSentence(error.errors[0]);
  return error.message.split(/\.?(?:\s*\n|\. |$)/, 1)[0] ?? '';
}
