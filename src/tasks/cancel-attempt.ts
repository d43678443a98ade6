import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { LifecycleService } from '../lifecycle/lifecycle.service.js';
import type { LifecycleSession } from '../lifecycle/session-transition.js';

/** Ends the open attempt of a cancelled task: a pending attempt expires, an active one fails. */
export async function cancelAttempt<S extends LifecycleSession>(
  lifecycle: LifecycleService,
  manager: EntityManager,
  attempt: S,
  by: Actor,
  metadata: Record<string, unknown>,
): Promise<S> {
  const status = attempt.status === 'active' ? 'failed' : 'expired';
  return lifecycle.change(manager, attempt, { status, ended_reason: 'cancelled' }, by, {
    event_type: 'task_cancelled',
    metadata,
  });
}
