import { SetMetadata } from '@nestjs/common';
import type { Action } from './policy.js';

export const POLICY_KEY = 'auth:policy';

/** Sets the action of the policy table that a route performs. */
export const Policy = (action: Action): MethodDecorator & ClassDecorator =>
  SetMetadata(POLICY_KEY, action);
