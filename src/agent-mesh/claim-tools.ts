import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { beginning, CUT, fitted } from './excerpt.js';
import type { Mesh, MeshAnswer } from './mesh.js';
import { retrying } from './retrying.js';
import {
  answers,
  flag,
  LEASE_SECONDS,
  list,
  object,
  ROLE,
  takes,
  TASK_ID,
  textOrNull,
  whole,
} from './schemas.js';
import {
  TASK_DETAIL,
  TASK_MEMBERS,
  taskApprovalLine,
  taskApprovalOf,
  taskLine,
  taskOf,
} from './task-view.js';
import {
  asQuery,
  given,
  type Members,
  pick,
  prefixed,
  recordOf,
  recordsOf,
  textOf,
  type Tool,
  type ToolAnswer,
} from './tool.js';

const MAX_WAIT_SECONDS = 25;
/** Shorter than the shortest time that a known client waits for an answer, 5 seconds. */
const DEFAULT_WAIT_SECONDS = 3;
/** After work was seen but another agent was faster. */
const LOST_RACE_PAUSE_MS = 100;
const RELEASE_RETRIES = 10;

const claimTask: Tool = {
  name: 'claim_task',
  title: 'Take the next task of your role',
  description:
    'Takes the most urgent task that is due for your role, waiting for one up to wait_seconds, or one task by its id at once. It is then yours until its lease ends: work on it, call heartbeat before that, and end with complete_task, fail_task or release_task, each with the session_id from here. Do not claim what you will not work on now. claimed false: nothing came; call again.',
  kind: 'write',
  input: takes({
    task_id: TASK_ID,
    role: ROLE,
    task_types: {
      type: 'array',
      description: 'Only tasks of these types.',
      items: { type: 'string', pattern: '^[^,]{1,50}$' },
      minItems: 1,
      maxItems: 50,
    },
    wait_seconds: whole(
      `How long to wait for a task; default ${DEFAULT_WAIT_SECONDS}. Ask for less than your client waits for an answer.`,
      0,
      MAX_WAIT_SECONDS,
    ),
    lease_seconds: LEASE_SECONDS,
  }),
  output: answers({
    claimed: flag('Whether you have a task now.'),
    session_id: textOrNull('The session in which you do it: needed to finish it.'),
    lease_expires_at: textOrNull('Call heartbeat before this.'),
    run_until: textOrNull('The end of the attempt whatever its heartbeats; null: no limit.'),
    status: textOrNull('active; completed: a notification, which is delivered by claiming it.'),
    task: { type: ['object', 'null'], description: `${TASK_MEMBERS} ${CUT}` },
    limits: {
      type: ['object', 'null'],
      description:
        'What complete_task takes as result: result_bytes, result_depth, result_members, array_elements, string_characters; error_characters of fail_task are kept.',
    },
    approvals: list(
      'The latest approvals of the task: approval_id, approver_role, status, digest, repeat, consume_until, consumed_at, consumed_by, attempt. One with consumed_at was used: check what that attempt did before you act.',
      object('An approval.'),
    ),
  }),
  async run(mesh, args, call) {
    const claim = await claimed(mesh, args, call.delivery.signal);
    if (claim.status === 204) return NOTHING;
    // With a key of its own the caller can call again, and gets this claim.
    if (!call.isKeyed) {
      call.delivery.onLost(() => void release(mesh, claim.body.session));
      if (call.delivery.signal.aborted) return NOTHING;
    }
    return claim.replayed ? toReplayed(claim.body) : toClaimed(claim.body);
  },
};

const NOTHING: ToolAnswer = {
  text: 'Nothing is due. Call claim_task again to go on waiting.',
  content: {
    ...{ claimed: false, session_id: null, lease_expires_at: null, run_until: null },
    ...{ status: null, task: null, approvals: [], limits: null },
  },
};

const NONE: MeshAnswer = { status: 204, body: {}, replayed: false };

/** The claim of a task; 204 when there is none, or the client does not wait for it any more. */
async function claimed(mesh: Mesh, args: Members, gone: AbortSignal): Promise<MeshAnswer> {
  const task_id = textOf(args.task_id);
  try {
    if (!task_id) return await claimNext(mesh, args, gone);
    if (gone.aborted) return NONE;
    return await mesh.call('claim_task', { id: task_id, body: given(args, 'lease_seconds') });
  } catch (error) {
    if (gone.aborted) return NONE;
    throw error;
  } finally {
    // A client that closed its connection meanwhile is noticed before the claim is answered: sockets are read in
    // between two turns of the event loop.
    await nextTurn();
    await nextTurn();
  }
}

/**
 * Claims, else waits until there is something to claim, and claims again: another agent may have been faster. The
 * claim comes first, so that one which is sent again with its key is answered at once. Nothing is claimed for a client
 * that has cancelled.
 */
async function claimNext(mesh: Mesh, args: Members, gone: AbortSignal): Promise<MeshAnswer> {
  const wanted = given(args, 'role', 'task_types');
  const body = { ...wanted, ...given(args, 'lease_seconds') };
  const seconds = typeof args.wait_seconds === 'number' ? args.wait_seconds : DEFAULT_WAIT_SECONDS;
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    if (gone.aborted) return NONE;
    const claim = await mesh.call('claim_next_task', { body });
    const left = Math.round((deadline - performance.now()) / 1000);
    if (claim.status !== 204 || left <= 0) return claim;
    const wait = await mesh.call('wait_for_task', {
      query: asQuery({ ...wanted, wait_seconds: left }),
    });
    // The time is up, or the controller is stopping.
    if (wait.status === 204) return wait;
    await sleep(Math.random() * LOST_RACE_PAUSE_MS);
  }
}

/** Gives back a claim that did not reach its client. A notification is delivered by the claim, and stays so. */
async function release(mesh: Mesh, claimedSession: unknown): Promise<void> {
  const { id, status } = recordOf(claimedSession);
  if (status !== 'active') return;
  const request = { id: textOf(id), body: { reason: 'The client did not receive the claim' } };
  // If it cannot be released now, its lease ends.
  await retrying(RELEASE_RETRIES, () => mesh.call('release_session', request)).catch(
    () => undefined,
  );
}

/** A claim that was made before, with its session as it is now: that may have ended since. */
function toReplayed(claim: Members): ToolAnswer {
  const { id, status } = recordOf(claim.session);
  const answer = toClaimed(claim);
  const isDelivered = status === 'completed' && recordOf(claim.task).task_type === 'notification';
  if (status === 'active' || isDelivered) return answer;
  return {
    text: `This key claimed session-${textOf(id)} before, which is over: ${textOf(status)}. Claim with another key to get a task.`,
    content: { ...answer.content, claimed: false },
  };
}

function toClaimed({ task, session, approvals, limits }: Members): ToolAnswer {
  const known = recordsOf(approvals).map(taskApprovalOf);
  const claimed = fitted(taskOf(task), TASK_DETAIL);
  const held = pick(session, 'id', 'lease_expires_at', 'run_until', 'status');
  const isDone = held.status === 'completed';
  return {
    text: isDone
      ? `A notification from ${textOf(claimed.from_role)}, delivered: ${beginning(textOf(claimed.description), 2_000)}`
      : [
          `Yours until ${textOf(held.lease_expires_at)}, in session-${textOf(held.id)}:`,
          taskLine(claimed),
          limitsLine(limits),
          ...known.map(taskApprovalLine),
        ],
    content: {
      claimed: true,
      session_id: prefixed('session', held.id),
      ...pick(held, 'lease_expires_at', 'run_until', 'status'),
      task: claimed,
      limits: recordOf(limits),
      approvals: known,
    },
  };
}

function limitsLine(limits: unknown): string {
  const { result_bytes, result_depth, string_characters } = recordOf(limits);
  return `A result has at most ${textOf(result_bytes)} bytes as JSON, ${textOf(result_depth)} levels and ${textOf(string_characters)} characters in a text.`;
}

/** Tools of those who take work for a role. */
export const CLAIM_TOOLS: readonly Tool[] = [claimTask];
