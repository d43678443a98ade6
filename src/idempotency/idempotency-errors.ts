import { DomainError } from '../errors/domain-error.js';

export function inProgress(): DomainError {
  return new DomainError(
    'idempotency.in_progress',
    'A request with this key is still being carried out; send it again to learn its outcome.',
    { retryAfter: 1 },
  );
}

export function payloadMismatch(): DomainError {
  return new DomainError(
    'idempotency.payload_mismatch',
    'This key was used with another body or query; use a new key for a new request.',
  );
}

export function roleRevoked(): DomainError {
  return new DomainError(
    'auth.role_not_held',
    'The request with this key was carried out for a role that the token does not carry any more.',
  );
}
