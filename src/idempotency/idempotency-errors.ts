import { DomainError } from '../errors/domain-error.js';

export function inProgress(): DomainError {
  return new DomainError(
    'idempotency.in_progress',
    'A request with this Idempotency-Key is still in progress. Send it again after Retry-After to get its response.',
    { retryAfter: 1 },
  );
}

export function payloadMismatch(): DomainError {
  return new DomainError(
    'idempotency.payload_mismatch',
    'This Idempotency-Key was used with another body or query. Use a new key for a new request.',
  );
}

export function roleRevoked(): DomainError {
  return new DomainError(
    'auth.role_not_held',
    'The request with this Idempotency-Key was executed for a role that the token no longer carries. Use a token with that role.',
  );
}
