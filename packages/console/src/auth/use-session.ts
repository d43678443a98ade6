import type { Caller } from '@agent-mesh/client';
import { useSyncExternalStore } from 'react';
import { session, type SessionState } from './session';

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.snapshot);
}

/** Returns the person. Pages are rendered for a signed-in person only. */
export function useMe(): Caller {
  const state = useSession();
  return state.status === 'signed_in' ? state.me : NOBODY;
}

/** The roles of the person that tasks and approvals can be assigned to. */
export function useWorkRoles(): readonly string[] {
  return useMe().roles.filter((role) => !STAFF.includes(role));
}

const STAFF: readonly string[] = ['admin', 'auditor'];

const NOBODY: Caller = { subject: '', roles: [], acting_role: null, kind: 'human' };

/** Whether the person holds a role, such as `admin`. */
export function useHasRole(...roles: readonly string[]): boolean {
  const me = useMe();
  return roles.some((role) => me.roles.includes(role));
}
