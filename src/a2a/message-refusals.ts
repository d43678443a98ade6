import { DomainError } from '../errors/domain-error.js';
import { A2aRefusal } from './a2a-failure.js';

/** The id of a message is the one of another message. */
export function usedBefore(): A2aRefusal {
  return new A2aRefusal(
    'params',
    'This message.messageId was used with other content. Use a new messageId for a new message.',
  );
}

/** The same message is handled by another request. */
export function inProgress(): DomainError {
  return new DomainError(
    'idempotency.in_progress',
    'The message with this messageId is in progress. Send it again.',
    { retryAfter: 1 },
  );
}
