import { DomainError } from '../errors/domain-error.js';
import type { SessionStatus } from './session-status.js';

/** The state machine has no such step; the words are part of the contract with existing clients. */
export class InvalidTransitionError extends DomainError {
  constructor(from: SessionStatus, to: SessionStatus) {
    super('lifecycle.invalid_transition', `Invalid transition from ${from} to ${to}`);
  }
}
