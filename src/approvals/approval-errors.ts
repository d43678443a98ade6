import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { withPrefix } from '../common/ids.js';
import type { Approval } from './approval.entity.js';
import type { ConsumedApproval } from './approvals.repository.js';

/** The same error for a missing and a hidden approval. */
export function approvalNotFound(): DomainError {
  return new DomainError(
    'approval.not_found',
    'The approval does not exist, or none of your roles is a participant in its task. Check the id and your roles (GET /me).',
  );
}

/** The caller may read the approval, but another agent holds the task. */
export function heldByAnother(): DomainError {
  return new DomainError(
    'auth.forbidden',
    'While an agent holds the task, only that agent can consume.',
  );
}

export function nonePending(): DomainError {
  return new DomainError(
    'approval.none_pending',
    'No pending approval of this task can be decided by one of your roles. List its approvals with GET /approvals?task_id={id}.',
  );
}

export function alreadyPending([pending]: readonly Approval[]): DomainError {
  return new DomainError(
    'approval.pending_exists',
    pending
      ? `${namesOf([pending])} is already pending for this task. Wait for its decision, or withdraw it.`
      : 'An approval of the same role and stage was pending and has just ended. Send the request again.',
  );
}

/** A retry cannot request the required approval again, because another approval is pending for the role. */
export function requirementInTheWay({ id, approver_role }: Approval): DomainError {
  return new DomainError(
    'approval.pending_exists',
    `A retry requests the approval of ${approver_role} again, but ${withPrefix('approval', id)} is pending for that role. Retry after it is decided, withdrawn or expired.`,
  );
}

/** A worker completes a task while approvals that it requested are pending. */
export function ownPending(pending: readonly Approval[]): DomainError {
  return new DomainError(
    'approval.pending',
    `Approvals that you requested are pending: ${namesOf(pending)}. Wait for the decisions, or complete the task with withdraw_pending true.`,
  );
}

/** Several approvals of the role are pending, and the request does not name one. */
export function ambiguousApproval(pending: readonly Approval[]): DomainError {
  return new DomainError(
    'approval.ambiguous',
    `Several approvals are pending: ${namesOf(pending)}. Decide one by its id with POST /approvals/{id}/decision.`,
  );
}

/** Several roles of the caller can decide, and the request does not name one. */
export function ambiguousRole(roles: readonly string[], pending: readonly Approval[]): DomainError {
  return new DomainError(
    'auth.role_ambiguous',
    `Several of your roles can decide. Set approver_role to one of: ${roles.join(', ')}. Pending: ${namesOf(pending)}.`,
  );
}

/** Lists the approvals by id and approver role. */
function namesOf(approvals: readonly Approval[]): string {
  return approvals
    .map(({ id, approver_role }) => `${withPrefix('approval', id)} (${approver_role})`)
    .join(', ');
}

export function alreadyEnded({ id, status, expires_at }: Approval): DomainError {
  const name = withPrefix('approval', id);
  if (status !== 'expired') {
    return new DomainError(
      'approval.decided',
      `${name} is already ${status}. Read it with GET /approvals/{id}.`,
    );
  }
  const until = expires_at?.toISOString() ?? 'an earlier time';
  return new DomainError(
    'approval.expired',
    `${name} expired at ${until}. Resubmit it with POST /approvals/{id}/resubmit.`,
  );
}

export function alreadyVoted(): DomainError {
  return new DomainError(
    'approval.voted',
    'You have already cast this vote, or voted in another stage of this approval. Another subject must vote.',
  );
}

/** The approver has read another payload than the one to approve. */
export function payloadChanged(): DomainError {
  return new DomainError(
    'approval.payload_changed',
    'The digest of the decision differs from that of the payload. Read the approval with GET /approvals/{id}, then decide about that payload.',
  );
}

export function fourEyes(): DomainError {
  return new DomainError(
    'approval.four_eyes',
    'A subject that requested the approval, routed the task, works on it, reassigned the decision or voted cannot do this. Another subject must do it.',
  );
}

/** The requester role is also an approver role. */
export function sameRole(role: string): DomainError {
  return new DomainError(
    'approval.four_eyes',
    `${role} cannot decide its own request. Name another approver role. The operator can allow this with APPROVALS_SAME_ROLE.`,
  );
}

export function notesRequired(): InvalidInputError {
  return new InvalidInputError([
    { pointer: '/comments', message: 'comments must explain the rejection' },
  ]);
}

/** Another approval of the same payload was consumed before. */
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
      'Check what was done then. To do it again, request an approval with repeat true and a reason.',
  );
}

/** No agent holds the latest attempt, and the caller can consume only as its holder. */
export function notHeld(): DomainError {
  return new DomainError(
    'approval.not_held',
    'No agent has claimed the task. Claim it, then consume the approval. Without a claim, only the requester role can consume it.',
  );
}

export function limitReached(detail: string): DomainError {
  return new DomainError('approval.limit_reached', detail);
}

export function repeatReasonRequired(): InvalidInputError {
  return new InvalidInputError([
    { pointer: '/reason', message: 'reason must explain why the action is repeated' },
  ]);
}
