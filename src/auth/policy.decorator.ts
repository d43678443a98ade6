import { type CustomDecorator, SetMetadata } from '@nestjs/common';
import { type Action, isResourceAction, POLICY, type ResourceAction } from './policy.js';

export const POLICY_KEY = 'auth:policy';

/** The policy of a route, as the guard reads it. */
export interface RoutePolicy {
  /** The route performs one of these actions. */
  readonly actions: readonly Action[];
  /** Whether the route requires no token. */
  readonly isPublic: boolean;
  /** Actions of which the service must authorize one. Not set if no action depends on a resource. */
  readonly requiredActions?: readonly ResourceAction[];
}

/**
 * Sets the action of the policy table that a route, or every route of a controller, performs. Names several actions if the
 * body decides which of them the route performs: each must depend on a resource, and the service authorizes one.
 */
export function Policy(
  ...actions: readonly [Action] | readonly [ResourceAction, ...ResourceAction[]]
): CustomDecorator {
  const named: readonly Action[] = actions;
  const requiredActions = named.filter(isResourceAction);
  const policy: RoutePolicy = {
    actions: named,
    isPublic: named.every((action) => POLICY[action] === 'public'),
    ...(requiredActions.length > 0 && { requiredActions }),
  };
  return SetMetadata(POLICY_KEY, policy);
}
