import type { Agent } from '../auth/agent.js';
import type { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import type { Approval } from './approval.entity.js';
import type { ApproverKind } from './approver-kind.js';

type HumanRoles = Pick<Environment, 'HUMAN_APPROVER_ROLES'>;

/** Returns the kind of approver needed: `human` if requested, or if a deciding role is in `HUMAN_APPROVER_ROLES`. */
export function requiredKind(
  approval: Pick<Approval, 'approver_kind' | 'approver_role' | 'stage' | 'stages'> & {
    delegated_from?: string | null;
  },
  { HUMAN_APPROVER_ROLES }: HumanRoles,
): ApproverKind {
  const roles = [
    approval.approver_role,
    approval.delegated_from,
    approval.stages[approval.stage - 1],
  ];
  const isListed = roles.some((role) => HUMAN_APPROVER_ROLES.some((listed) => listed === role));
  return isListed ? 'human' : approval.approver_kind;
}

/**
 * Asserts that the agent is of the kind of approver needed.
 *
 * @throws DomainError `approval.human_required`
 */
export function assertKind(
  { kind }: Agent,
  needed: ApproverKind,
  { HUMAN_CLAIMS }: Environment,
): void {
  if (needed === 'any' || kind === 'human') return;
  throw new DomainError(
    'approval.human_required',
    HUMAN_CLAIMS.length > 0
      ? 'Only a person can decide this approval, and the claims of your token do not meet HUMAN_CLAIMS. Let a person of the role decide.'
      : 'Only a person can decide this approval, and no token counts as one: the operator has to set HUMAN_CLAIMS.',
  );
}
