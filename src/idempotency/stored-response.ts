import { parseJson } from '../common/parse-json.js';

/** The response to an executed request, for replays: from its record, Redis or memory. */
export interface StoredResponse {
  /** Fingerprint of the request. A request with another fingerprint must not receive this response. */
  readonly fingerprint: Buffer;
  readonly status: number;
  /** The acting role of the request; null if it changed nothing. */
  readonly actingRole: string | null;
  /** The response body, which a replay repeats byte for byte. */
  readonly body: string;
  /** Expiry of the record in PostgreSQL, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

const VERSION = 1;
const MAX_BYTES = 2 * 1024 * 1024;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Returns the Redis key of an idempotency key. Several scopes share it, so the value contains its scope. */
export function cacheKeyOf(key: string): string {
  return `idempotency:${key}`;
}

/** Encodes a response of `scope` for Redis; {@link decodeStoredResponse} decodes it. */
export function encodeStoredResponse(scope: Buffer, response: StoredResponse): string {
  return JSON.stringify({
    v: VERSION,
    scope: scope.toString('hex'),
    fingerprint: response.fingerprint.toString('hex'),
    status: response.status,
    acting_role: response.actingRole,
    body: response.body,
    expires_at: response.expiresAt,
  });
}

/**
 * Decodes a value from Redis, which is not trusted. Returns undefined, a cache miss, if the value is malformed, belongs to
 * another scope, has expired at `now` (milliseconds since the epoch) or is longer than 2 MiB. Never throws.
 */
export function decodeStoredResponse(
  raw: string | undefined,
  scope: Buffer,
  now: number = Date.now(),
): StoredResponse | undefined {
  if (raw === undefined || Buffer.byteLength(raw) > MAX_BYTES) return undefined;
  const value = parseJson(raw);
  if (!isStoredValue(value) || value.scope !== scope.toString('hex') || value.expires_at <= now) {
    return undefined;
  }
  return {
    fingerprint: Buffer.from(value.fingerprint, 'hex'),
    status: value.status,
    actingRole: value.acting_role,
    body: value.body,
    expiresAt: value.expires_at,
  };
}

interface StoredValue {
  v: typeof VERSION;
  scope: string;
  fingerprint: string;
  status: number;
  acting_role: string | null;
  body: string;
  expires_at: number;
}

function isStoredValue(value: unknown): value is StoredValue {
  if (typeof value !== 'object' || value === null) return false;
  const {
    v,
    scope,
    fingerprint,
    status,
    acting_role,
    body,
    expires_at,
  }: Partial<Record<string, unknown>> = {
    ...value,
  };
  return (
    v === VERSION &&
    typeof scope === 'string' &&
    typeof fingerprint === 'string' &&
    SHA256_HEX.test(fingerprint) &&
    isSuccess(status) &&
    (acting_role === null || typeof acting_role === 'string') &&
    typeof body === 'string' &&
    Number.isSafeInteger(expires_at)
  );
}

/** Only successful responses are stored. */
function isSuccess(status: unknown): boolean {
  return typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 299;
}
