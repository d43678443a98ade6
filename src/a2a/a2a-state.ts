import { TaskState } from '@a2a-js/sdk';
import type { TaskFacts } from './task-facts.js';

/** Beginning of the error with which a worker refuses a task. */
const REFUSED = 'refused:';

/** The state of a task, and a text for people if the state alone does not explain it. */
export interface A2aState {
  readonly state: TaskState;
  readonly text?: string;
}

/** The facts that the state of a task depends on. */
export type StateFacts = Pick<TaskFacts, 'status' | 'error' | 'pending'>;

/**
 * Returns the state of a task for a caller with these roles. `AUTH_REQUIRED` means that an approval waits for one of the
 * roles: the caller decides it with the API or in the console, not with a message (A2A 1.0, section 7.6.4).
 */
export function stateOf(
  { status, error, pending }: StateFacts,
  roles: readonly string[],
): A2aState {
  switch (status) {
    case 'pending':
    case 'active':
      return openState(status, pending, roles);
    case 'completed':
      return { state: TaskState.TASK_STATE_COMPLETED };
    case 'cancelled':
      return { state: TaskState.TASK_STATE_CANCELED };
    case 'failed':
      return failedState(error);
    case 'expired':
      return { state: TaskState.TASK_STATE_FAILED, text: 'The task expired.' };
    case 'dead':
      return {
        state: TaskState.TASK_STATE_FAILED,
        text: error ?? 'All attempts of the task are used up.',
      };
  }
}

function openState(
  status: 'pending' | 'active',
  pending: StateFacts['pending'],
  roles: readonly string[],
): A2aState {
  const mine = pending.find(({ approver_role }) => roles.includes(approver_role));
  if (mine) {
    const { id, approver_role, digest, expires_at } = mine;
    const until = expires_at === null ? '' : `, until ${expires_at.toISOString()}`;
    const payload = digest === null ? '' : `, payload SHA-256 ${digest}`;
    return {
      state: TaskState.TASK_STATE_AUTH_REQUIRED,
      text: `The approval ${id} waits for a decision of the role ${approver_role}${until}${payload}. Decide it with POST /approvals/${id}/decision or in the console.`,
    };
  }
  const [other] = pending;
  if (other) {
    return {
      state: TaskState.TASK_STATE_WORKING,
      text: `The task waits for an approval of the role ${other.approver_role}.`,
    };
  }
  return {
    state: status === 'pending' ? TaskState.TASK_STATE_SUBMITTED : TaskState.TASK_STATE_WORKING,
  };
}

function failedState(error: string | null): A2aState {
  const isRefused = error?.startsWith(REFUSED) === true;
  return {
    state: isRefused ? TaskState.TASK_STATE_REJECTED : TaskState.TASK_STATE_FAILED,
    text: error ?? 'The worker reported a failure.',
  };
}

const TERMINAL: readonly TaskState[] = [
  TaskState.TASK_STATE_COMPLETED,
  TaskState.TASK_STATE_FAILED,
  TaskState.TASK_STATE_CANCELED,
  TaskState.TASK_STATE_REJECTED,
];

/** Whether a task in this state never changes again, unless it is retried. */
export function isTerminal(state: TaskState): boolean {
  return TERMINAL.includes(state);
}

/** Whether a request that waits for the end of the task returns in this state. */
export function endsWait(state: TaskState): boolean {
  return isTerminal(state) || state === TaskState.TASK_STATE_AUTH_REQUIRED;
}
