import { DomainError, UnavailableError } from '../errors/domain-error.js';

const INVALID_TOKEN_REASONS = [
  'header',
  'too_long',
  'malformed',
  'algorithm',
  'key',
  'signature',
  'issuer',
  'audience',
  'not_access_token',
  'sender_constrained',
  'subject',
  'roles',
  'time',
] as const;

/** Why a token is invalid, as a label of a metric. */
type InvalidTokenReason = (typeof INVALID_TOKEN_REASONS)[number];

/** Why a token is refused, as labels of a metric. */
export const REFUSAL_REASONS = [
  'missing',
  'expired',
  'keys_unavailable',
  ...INVALID_TOKEN_REASONS,
] as const;

/** The error of an invalid token. */
class InvalidTokenError extends DomainError {
  constructor(
    readonly reason: InvalidTokenReason,
    detail: string,
    cause: unknown,
  ) {
    super('auth.token_invalid', detail, {
      headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
      cause,
    });
  }
}

/** Returns why a token was refused, as a label of a metric. */
export function refusalReason(error: DomainError): string {
  return error instanceof InvalidTokenError
    ? error.reason
    : error.code.replace(/^auth\.(token_)?/, '');
}

/** No bearer token was sent. The challenge has no error code (RFC 6750 section 3.1). */
export function tokenMissing(): DomainError {
  return new DomainError(
    'auth.token_missing',
    'Send an access token in the header Authorization: Bearer <token>',
    {
      headers: { 'WWW-Authenticate': 'Bearer' },
    },
  );
}

/** The token is invalid (RFC 6750 `invalid_token`). The detail names the violated rule and never contains parts of the token. */
export function tokenInvalid(
  reason: InvalidTokenReason,
  detail: string,
  cause?: unknown,
): DomainError {
  return new InvalidTokenError(reason, detail, cause);
}

/** The token was valid and has expired. The caller can retry with a new one. */
export function tokenExpired(): DomainError {
  return new DomainError('auth.token_expired', 'The token has expired: get a new one', {
    headers: {
      'WWW-Authenticate':
        'Bearer error="invalid_token", error_description="The access token expired"',
    },
  });
}

/** The token cannot be verified now, because the signing keys cannot be read from the identity provider. */
export function keysUnavailable(cause?: unknown): UnavailableError {
  return new UnavailableError(
    'auth.keys_unavailable',
    'The signing keys of the identity provider cannot be read now: retry after the time in Retry-After',
    cause,
  );
}

/** The token has an unknown `kid`, and the refresh limit of the signing keys is reached. */
export function keyNotKnownYet(retryAfterSeconds: number): UnavailableError {
  return new UnavailableError(
    'auth.keys_unavailable',
    'The signing key of the token is not known yet: retry after the time in Retry-After',
    undefined,
    retryAfterSeconds,
  );
}
