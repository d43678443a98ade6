import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { withPrefix } from '../http/ids.js';
import type { Approval } from './approval.entity.js';
import type { ConsumedApproval } from './request-rules.js';

/** An approval that is missing and one that is somebody else's are the same answer. */
export function approvalNotFound(): DomainError {
  return new DomainError('approval.not_found', 'There is no such approval.');
}

export function nonePending(): DomainError {
  return new DomainError(
    'approval.none_pending',
    'There is no pending approval of this task for you to decide.',
  );
}

export function alreadyPending([pending]: readonly Approval[]): DomainError {
  const which = pending ? `${withPrefix('approval', pending.id)} is pending.` : 'ask again.';
  return new DomainError('approval.pending_exists', `This role is asked already: ${which}`);
}

/** A worker completes a task while it waits for decisions that it asked for itself. */
export function ownPending(pending: readonly Approval[]): DomainError {
  return new DomainError(
    'approval.pending',
    `You asked for ${namesOf(pending)}, still pending: wait for the decision, or complete with withdraw_pending true.`,
  );
}

/** Several approvals wait for the role: their order does not say which one is meant. */
export function ambiguousApproval(pending: readonly Approval[]): DomainError {
  return new DomainError(
    'approval.ambiguous',
    `It could mean ${namesOf(pending)}: decide one by its id, with POST /approvals/{id}/decision.`,
  );
}

/** Several roles of the caller can decide, and nothing says which one it acts for. */
export function ambiguousRole(roles: readonly string[], pending: readonly Approval[]): DomainError {
  return new DomainError(
    'auth.role_ambiguous',
    `Name the approver_role, one of: ${roles.join(', ')}. Pending: ${namesOf(pending)}.`,
  );
}

/** Each approval by its id, and the role that it waits for. */
function namesOf(approvals: readonly Approval[]): string {
  return approvals
    .map(({ id, approver_role }) => `${withPrefix('approval', id)} (${approver_role})`)
    .join(', ');
}

export function alreadySettled({ id, status, expires_at }: Approval): DomainError {
  const name = withPrefix('approval', id);
  if (status !== 'expired') {
    return new DomainError('approval.decided', `${name} is ${status} already.`);
  }
  const until = expires_at?.toISOString() ?? 'an earlier time';
  return new DomainError('approval.expired', `${name} could be decided until ${until}.`);
}

export function alreadyVoted(): DomainError {
  return new DomainError(
    'approval.voted',
    'You have voted the same on this approval, or in another stage of it, already.',
  );
}

export function fourEyes(): DomainError {
  return new DomainError(
    'approval.four_eyes',
    'A subject that asked, routed the task, works on it, reassigned the decision or voted takes no other part in it; another subject has to.',
  );
}

/** The role that asks is one of those that decide. */
export function sameRole(role: string): DomainError {
  return new DomainError(
    'approval.four_eyes',
    `${role} cannot decide its own request: ask another role, or set APPROVALS_SAME_ROLE.`,
  );
}

export function notesRequired(): InvalidInputError {
  return new InvalidInputError([
    { pointer: '/comments', message: 'comments must say why it is rejected' },
  ]);
}

/** The act was approved and consumed before, through another approval. */
export function alreadyConsumed({
  id,
  consumed_at,
  consumed_by,
  consumed_attempt,
}: ConsumedApproval): DomainError {
  const at = consumed_at?.toISOString() ?? 'an earlier time';
  const where = consumed_attempt === null ? '' : ` in attempt ${consumed_attempt}`;
  return new DomainError(
    'approval.already_consumed',
    `${withPrefix('approval', id)} of the same payload was consumed by ${consumed_by ?? 'another subject'} at ${at}${where}. ` +
      'Check what it did; to do it again, ask with repeat true and a reason.',
  );
}

/** The present attempt is nobody's, and only its holder may consume. */
export function notHeld(): DomainError {
  return new DomainError(
    'approval.not_held',
    'Claim the task first: while nobody holds it, only the role that asked for the task consumes approvals.',
  );
}

export function limitReached(detail: string): DomainError {
  return new DomainError('approval.limit_reached', detail);
}

export function repeatReasonRequired(): InvalidInputError {
  return new InvalidInputError([
    { pointer: '/reason', message: 'reason must say why the act is repeated' },
  ]);
}
