import { DomainError, UnavailableError } from '../errors/domain-error.js';

/** The request carries no bearer token: the challenge of RFC 6750 section 3, without an error. */
export function tokenMissing(): DomainError {
  return new DomainError('auth.token_missing', 'Send an access token: Authorization: Bearer …', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}

/** The token is refused (RFC 6750 `invalid_token`); the detail says which rule it breaks and never what it contains. */
export function tokenInvalid(detail: string, cause?: unknown): DomainError {
  return new DomainError('auth.token_invalid', detail, {
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
    cause,
  });
}

/** The token was good once: a caller that has a fresh one may try again with it. */
export function tokenExpired(): DomainError {
  return new DomainError('auth.token_expired', 'The token has expired', {
    headers: {
      'WWW-Authenticate':
        'Bearer error="invalid_token", error_description="The access token expired"',
    },
  });
}

/** Nobody can say now whether the token is good: the identity provider does not hand out its keys. */
export function keysUnavailable(cause?: unknown): UnavailableError {
  return new UnavailableError(
    'auth.keys_unavailable',
    'The keys of the identity provider cannot be read now',
    cause,
  );
}

/** The token names a signing key that is not known, and the keys may not be read again so soon. */
export function keyNotKnownYet(retryAfterSeconds: number): UnavailableError {
  return new UnavailableError(
    'auth.keys_unavailable',
    'The signing key of the token is not known, and the keys of the identity provider were read moments ago',
    undefined,
    retryAfterSeconds,
  );
}
