/** A committed answer, as it is kept in Redis for fast replays. */
export interface StoredResponse {
  /** What the request asked for: a request with another fingerprint must not get this answer. */
  readonly fingerprint: Buffer;
  readonly status: number;
  /** The role that the request was carried out for; null when it changed nothing. */
  readonly actingRole: string | null;
  /** The text of the answer, to be repeated byte by byte. */
  readonly body: string;
  /** When the record in Postgres ends, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

const VERSION = 1;
const MAX_BYTES = 2 * 1024 * 1024;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Where the answer to a client's key is kept. Scopes share it, so a value names its own. */
export function cacheKeyOf(key: string): string {
  return `idempotency:${key}`;
}

/** Writes an answer of `scope` as the self-describing value that {@link decodeStoredResponse} reads. */
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
 * Reads a value out of Redis, which may hold anything: what is not an answer of `scope`, has expired at `now`
 * (milliseconds since the epoch) or has more than 2 MiB is undefined, a miss. It never throws.
 */
export function decodeStoredResponse(
  raw: string | undefined,
  scope: Buffer,
  now: number = Date.now(),
): StoredResponse | undefined {
  if (raw === undefined || Buffer.byteLength(raw) > MAX_BYTES) return undefined;
  const value = parse(raw);
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

/** Only answers of success are ever kept. */
function isSuccess(status: unknown): boolean {
  return typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 299;
}

function parse(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
