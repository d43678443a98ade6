import type { Agent } from '../auth/agent.js';
import { authorize, staffRelations } from '../auth/policy.js';
import { DomainError } from '../errors/domain-error.js';

/** @throws DomainError `auth.forbidden` if the agent does not hold the role admin */
export function assertAdmin(agent: Agent): void {
  authorize(
    'webhooks.manage',
    staffRelations(agent),
    () => new DomainError('auth.forbidden', 'Webhooks require the role admin.'),
  );
}
