import { concealing, DomainError } from '../errors/domain-error.js';
import type { Agent } from './agent.js';

/** How a caller may stand to a thing. */
export type Relation =
  /** Holds the role that the session, the task or the approval's decision belongs to. */
  | 'owner'
  /** Holds the task's active attempt. */
  | 'claimant'
  /** Holds the role that asked for the task or the approval. */
  | 'asker'
  /** Holds the role that delegated the approval's decision. */
  | 'delegator'
  /** Holds one of the roles that take part in the task. */
  | 'participant'
  | 'auditor'
  | 'admin';

/** `public`: no token needed. `agent`: any verified caller, who then sees only what is theirs. */
export type Rule = 'public' | 'agent' | ResourceRule;

interface ResourceRule {
  /** Any of these may do it. */
  readonly allow: readonly Relation[];
  /** Any of these may know that it exists, and are told 403; everybody else is told 404. */
  readonly seenBy: readonly Relation[];
}

const TASK_READERS = ['participant', 'auditor', 'admin'] as const;
const SESSION_READERS = ['owner', 'participant', 'auditor', 'admin'] as const;

/** Who may do what. Each route names its action with `@Policy`; each service asks {@link authorize} with it. */
export const POLICY = {
  'status.read': 'public',
  'metrics.read': { allow: ['auditor', 'admin'], seenBy: [] },
  'me.read': 'agent',
  'sessions.create': 'agent',
  'sessions.list': 'agent',
  'sessions.read': { allow: SESSION_READERS, seenBy: SESSION_READERS },
  'sessions.write': { allow: ['owner', 'admin'], seenBy: SESSION_READERS },
  'tasks.route': 'agent',
  'tasks.list': 'agent',
  'tasks.read': { allow: TASK_READERS, seenBy: TASK_READERS },
  'tasks.claim_next': 'agent',
  'tasks.claim': { allow: ['owner'], seenBy: TASK_READERS },
  'tasks.steer': { allow: ['asker', 'admin'], seenBy: TASK_READERS },
  'tasks.wait': 'agent',
  'approvals.ask': { allow: ['participant'], seenBy: TASK_READERS },
  'approvals.decide': { allow: ['owner'], seenBy: TASK_READERS },
  'approvals.withdraw': { allow: ['asker'], seenBy: TASK_READERS },
  'approvals.resubmit': { allow: ['asker'], seenBy: TASK_READERS },
  'approvals.delegate': { allow: ['owner'], seenBy: TASK_READERS },
  'approvals.recall': { allow: ['delegator'], seenBy: TASK_READERS },
  'approvals.reassign': { allow: ['admin'], seenBy: TASK_READERS },
  'approvals.consume': { allow: ['claimant', 'asker'], seenBy: TASK_READERS },
  'approvals.list': 'agent',
  'approvals.read': { allow: TASK_READERS, seenBy: TASK_READERS },
  'audit.ingest': 'agent',
  'audit.list': 'agent',
  'idempotency.read': 'agent',
  'mcp.call': 'agent',
  'mcp.discover': 'public',
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof POLICY;
type ResourceAction = {
  [A in Action]: (typeof POLICY)[A] extends ResourceRule ? A : never;
}[Action];

/** Whether relations allow an action. */
export function permits(action: ResourceAction, relations: readonly Relation[]): boolean {
  const { allow }: ResourceRule = POLICY[action];
  return allow.some((relation) => relations.includes(relation));
}

/**
 * Lets through a caller whose relations allow the action.
 *
 * @param hidden makes what to say to those who may not even know that the thing exists
 * @throws DomainError `auth.forbidden`, or `hidden`
 */
export function authorize(
  action: ResourceAction,
  relations: readonly Relation[],
  hidden: () => DomainError,
): void {
  if (permits(action, relations)) return;
  const { allow, seenBy }: ResourceRule = POLICY[action];
  if (!seenBy.some((relation) => relations.includes(relation))) throw concealing(hidden());
  throw new DomainError(
    'auth.forbidden',
    `This takes ${allow.map((relation) => NOUNS[relation]).join(' or ')}.`,
  );
}

/** Whether the caller may read everything. */
export function isStaff(agent: Agent): boolean {
  return staffRelations(agent).length > 0;
}

/** The relations that do not depend on the thing. */
export function staffRelations(agent: Agent): Relation[] {
  return (['admin', 'auditor'] as const).filter((role) => agent.roles.includes(role));
}

const NOUNS: Record<Relation, string> = {
  owner: 'the role that it belongs to',
  claimant: 'the agent that holds it',
  asker: 'the role that asked for it',
  delegator: 'the role that delegated the decision',
  participant: 'a role that takes part in the task',
  auditor: 'an auditor',
  admin: 'an admin',
};
