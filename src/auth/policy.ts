import { asHidden, DomainError } from '../errors/domain-error.js';
import { recordAuthorizedAction } from '../observability/request-context.js';
import type { Agent } from './agent.js';

/** A relation between a caller and a resource. */
export type Relation =
  /** Holds the role that the session, task or approval is assigned to. */
  | 'assignee'
  /** Holds the role that decides the approval. */
  | 'approver'
  /** Has claimed the active attempt of the task. */
  | 'claimant'
  /** Holds the role that requested the task or the approval. */
  | 'requester'
  /** Holds the role that delegated the approval. */
  | 'delegator'
  /** Holds a participant role of the task. */
  | 'participant'
  | 'auditor'
  | 'admin';

/** `public`: no token is required. `agent`: any caller with a valid token; the route limits the result to the caller. */
export type Rule = 'public' | 'agent' | ResourceRule;

interface ResourceRule {
  /** A caller with one of these relations is allowed. */
  readonly allow: readonly Relation[];
  /** A refused caller with one of these relations receives 403; any other receives 404 as if the resource did not exist. */
  readonly visibleTo: readonly Relation[];
}

const TASK_READERS = ['participant', 'auditor', 'admin'] as const;
const SESSION_READERS = ['assignee', 'participant', 'auditor', 'admin'] as const;

/**
 * The policy table. Each route names its action with `@Policy`. The guard enforces the rules `public` and `agent`. For any
 * other rule the service calls {@link authorize} with the action. If it does not, the request fails; in production it is
 * logged and counted.
 */
export const POLICY = {
  'status.read': 'public',
  'metrics.read': { allow: ['auditor', 'admin'], visibleTo: [] },
  'me.read': 'agent',
  'overview.read': 'agent',
  'sessions.create': 'agent',
  'sessions.list': 'agent',
  'sessions.read': { allow: SESSION_READERS, visibleTo: SESSION_READERS },
  'sessions.write': { allow: ['assignee', 'admin'], visibleTo: SESSION_READERS },
  'tasks.route': 'agent',
  'tasks.list': 'agent',
  'tasks.read': { allow: TASK_READERS, visibleTo: TASK_READERS },
  'tasks.claim_next': 'agent',
  'tasks.claim': { allow: ['assignee'], visibleTo: TASK_READERS },
  'tasks.control': { allow: ['requester', 'admin'], visibleTo: TASK_READERS },
  'tasks.control_many': 'agent',
  'tasks.wait': 'agent',
  'roles.list': 'agent',
  'roles.pause': { allow: ['admin'], visibleTo: [] },
  'approvals.create': { allow: ['participant'], visibleTo: TASK_READERS },
  'approvals.decide': { allow: ['approver'], visibleTo: TASK_READERS },
  'approvals.withdraw': { allow: ['requester'], visibleTo: TASK_READERS },
  'approvals.resubmit': { allow: ['requester'], visibleTo: TASK_READERS },
  'approvals.delegate': { allow: ['approver'], visibleTo: TASK_READERS },
  'approvals.recall': { allow: ['delegator'], visibleTo: TASK_READERS },
  'approvals.reassign': { allow: ['admin'], visibleTo: TASK_READERS },
  'approvals.consume': { allow: ['claimant', 'requester'], visibleTo: TASK_READERS },
  'approvals.list': 'agent',
  'approvals.read': { allow: TASK_READERS, visibleTo: TASK_READERS },
  'approvals.receipt': { allow: TASK_READERS, visibleTo: TASK_READERS },
  'audit.ingest': 'agent',
  'audit.list': 'agent',
  'audit.log': 'agent',
  'audit.entries': { allow: ['auditor', 'admin'], visibleTo: [] },
  'audit.keys': 'public',
  'events.list': 'agent',
  'webhooks.manage': { allow: ['admin'], visibleTo: [] },
  'idempotency.read': 'agent',
  'mcp.call': 'agent',
  'mcp.discover': 'public',
  'a2a.call': 'agent',
  'a2a.discover': 'public',
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof POLICY;
/** An action that depends on the relations between the caller and a resource. */
export type ResourceAction = {
  [A in Action]: (typeof POLICY)[A] extends ResourceRule ? A : never;
}[Action];

/** Returns whether one of the relations allows an action. If so, records the action as authorized by the request. */
export function permits(action: ResourceAction, relations: readonly Relation[]): boolean {
  const { allow }: ResourceRule = POLICY[action];
  const isAllowed = allow.some((relation) => relations.includes(relation));
  if (isAllowed) recordAuthorizedAction(action);
  return isAllowed;
}

/** Whether an action depends on the relations between the caller and a resource. */
export function isResourceAction(action: Action): action is ResourceAction {
  return typeof POLICY[action] !== 'string';
}

/**
 * Asserts that the relations of the caller allow an action, and records the action as authorized by the request.
 *
 * @param hidden creates the error for a caller from whom the resource is hidden
 * @throws DomainError `auth.forbidden`, or the error of `hidden`
 */
export function authorize(
  action: ResourceAction,
  relations: readonly Relation[],
  hidden: () => DomainError,
): void {
  if (permits(action, relations)) return;
  const { allow, visibleTo }: ResourceRule = POLICY[action];
  if (!visibleTo.some((relation) => relations.includes(relation))) throw asHidden(hidden());
  throw new DomainError(
    'auth.forbidden',
    `Allowed only for ${allow.map((relation) => NOUNS[relation]).join(' or ')}.`,
  );
}

/** Whether the caller can read all resources. */
export function canReadEverything(agent: Agent): boolean {
  return staffRelations(agent).length > 0;
}

/** Returns the relations that do not depend on the resource. */
export function staffRelations(agent: Agent): Relation[] {
  return (['admin', 'auditor'] as const).filter((role) => agent.roles.includes(role));
}

const NOUNS: Record<Relation, string> = {
  assignee: 'the role that the session, task or approval is assigned to',
  approver: 'the role that decides the approval',
  claimant: 'the agent that has claimed the task',
  requester: 'the role that requested the task or approval',
  delegator: 'the role that delegated the approval',
  participant: 'a participant role of the task',
  auditor: 'the role auditor',
  admin: 'the role admin',
};
