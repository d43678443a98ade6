import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ClaimApprovalDto } from '../../approvals/dto/approval-context.dto.js';
import type { LeaseDto } from '../../sessions/dto/lease.dto.js';
import type { SessionDto } from '../../sessions/dto/session.dto.js';
import type { ClaimLimitsDto } from '../../tasks/dto/claim-limits.dto.js';
import type { ClaimDto, ClaimedTaskDto } from '../../tasks/dto/claim.dto.js';
import type { TaskDto } from '../../tasks/dto/task.dto.js';
import type { WaitQuery } from '../../tasks/dto/wait.dto.js';
import { withRetries } from './retry.js';
import {
  outputSchema,
  inputSchema,
  textOrNull,
  object,
  integer,
  boolean,
  list,
  TASK_ID,
  LEASE_EXPIRES_AT,
  RUN_UNTIL,
  ROLE,
  LEASE_SECONDS,
} from './schemas.js';
import { type Members, type Tool, type ToolResponse, prefixedOrNull, memberText } from './tool.js';
import { recordOf, recordsOf, pickGiven, asQuery, type JsonOf } from './json-of.js';
import type { Mesh, ResponseOf, RequestOf } from './mesh-client.js';
import { truncate, CUT, fitToLimit } from './excerpt.js';
import {
  attemptOf,
  TASK_DETAIL,
  TASK_MEMBERS,
  taskApprovalLine,
  taskApprovalOf,
  taskLine,
  taskOf,
} from './task-result.js';

const MAX_WAIT_SECONDS = 25;
/** Shorter than the shortest response timeout of a known client, which is 5 seconds. */
const DEFAULT_WAIT_SECONDS = 3;
/** Upper bound of the random pause before the next claim: another agent may have claimed the task. */
const CONFLICT_PAUSE_MS = 100;
const RELEASE_RETRIES = 10;

export const claimTask: Tool = {
  name: 'claim_task',
  title: 'Claim the next task of your role',
  description:
    'Claims the most urgent due task of your role, or with task_id that task. Without a due task it waits up to wait_seconds. The task is yours until lease_expires_at: work on it, call heartbeat before that time, and end with complete_task, fail_task or release_task, each with the session_id returned here. Claim only a task that you work on now. If claimed is false, no task is due, or the role is paused (paused): call again later, or stop.',
  kind: 'write',
  input: inputSchema({
    task_id: TASK_ID,
    role: ROLE,
    task_types: {
      type: 'array',
      description: 'Only tasks of these types.',
      items: { type: 'string', pattern: '^[^,]{1,50}$' },
      minItems: 1,
      maxItems: 50,
    },
    wait_seconds: integer(
      `Seconds to wait for a task; default ${DEFAULT_WAIT_SECONDS}. Must be less than the response timeout of your client.`,
      0,
      MAX_WAIT_SECONDS,
    ),
    lease_seconds: LEASE_SECONDS,
  }),
  output: outputSchema({
    claimed: boolean('Whether a task was claimed.'),
    paused: textOrNull(
      'If the role is paused: the reason, and the end of the pause if it has one. Otherwise null.',
    ),
    session_id: textOrNull(
      'The session of your attempt. Pass it to heartbeat, complete_task, fail_task or release_task.',
    ),
    lease_expires_at: LEASE_EXPIRES_AT,
    run_until: RUN_UNTIL,
    status: textOrNull('active, or completed for a notification: no work remains.'),
    task: { type: ['object', 'null'], description: `${TASK_MEMBERS} ${CUT}` },
    limits: {
      type: ['object', 'null'],
      description:
        'Limits of the result of complete_task: result_bytes, result_depth, result_members, array_elements, string_characters. error_characters: the part of an error of fail_task that is stored.',
    },
    approvals: list(
      'The latest approvals of the task: approval_id, approver_role, status, digest, repeat, consume_until, consumed_at, consumed_by, attempt (the one that consumed it, or that was pending then). If consumed_at is set, check what consumed_by did before you act.',
      object('An approval.'),
    ),
  }),
  keyDescriptions: {
    replayed:
      'Whether an earlier call with the key claimed the task, and nothing was claimed now. The members show the current state of that session.',
  },
  async run(mesh, args, call) {
    const claim = await claimTaskOrNext(mesh, args, call.delivery.signal);
    if (claim.status === 204) return toNothing(claim.pause);
    // A caller with an idempotency key of its own can repeat the call and receives this claim.
    if (!call.isKeyed) {
      call.delivery.onLost(() => void release(mesh, claim.body.session));
      if (call.delivery.signal.aborted) return toNothing();
    }
    return claim.replayed ? toReplayed(claim.body) : toClaimed(claim.body);
  },
};

function toNothing(pause?: Claim['pause']): ToolResponse {
  const paused = pause ? pauseLine(pause) : null;
  return {
    text:
      paused === null
        ? 'No task is due. Call claim_task again later, or stop.'
        : `The role is paused: ${paused}. Call claim_task again after the pause, or stop.`,
    content: {
      ...{ claimed: false, paused, session_id: null, lease_expires_at: null, run_until: null },
      ...{ status: null, task: null, approvals: [], limits: null },
    },
  };
}

function pauseLine({ reason, until }: NonNullable<Claim['pause']>): string {
  return until === null ? reason : `${reason} (until ${until})`;
}

/** The response to a claim. Status 204: there is no task. */
type Claim = ResponseOf<'claim_task'>;

const NONE: Claim = { status: 204, body: {}, replayed: false };

/** Claims a task. Status 204: no task is due, or the client has cancelled the call. */
async function claimTaskOrNext(mesh: Mesh, args: Members, gone: AbortSignal): Promise<Claim> {
  const task_id = memberText(args.task_id);
  try {
    if (!task_id) return await claimNext(mesh, args, gone);
    if (gone.aborted) return NONE;
    return await mesh.call('claim_task', {
      id: task_id,
      body: pickGiven<LeaseDto>(args, 'lease_seconds'),
    });
  } catch (error) {
    if (gone.aborted) return NONE;
    throw error;
  } finally {
    // A closed connection is detected before the response is written: the event loop reads sockets between two turns.
    await nextTurn();
    await nextTurn();
  }
}

/**
 * Claims the next task; if none is due, waits for one and claims again, until the time is up. Another agent may claim
 * first, hence the loop. The claim comes before the wait so that a repeated call is replayed at once. No task is claimed
 * for a client that has cancelled.
 */
async function claimNext(mesh: Mesh, args: Members, gone: AbortSignal): Promise<Claim> {
  const body = pickGiven<ClaimDto>(args, 'role', 'task_types', 'lease_seconds');
  const wanted = pickGiven<WaitQuery>(args, 'role', 'task_types');
  const seconds = typeof args.wait_seconds === 'number' ? args.wait_seconds : DEFAULT_WAIT_SECONDS;
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    if (gone.aborted) return NONE;
    const claim = await mesh.call('claim_next_task', { body });
    const left = Math.round((deadline - performance.now()) / 1000);
    if (claim.status !== 204 || left <= 0) return claim;
    const wait = await mesh.call('wait_for_task', {
      query: asQuery<WaitQuery>({ ...wanted, wait_seconds: left }),
    });
    // 204: the time is up, or the controller is stopping.
    if (wait.status === 204) return { ...NONE, ...(wait.pause && { pause: wait.pause }) };
    await sleep(Math.random() * CONFLICT_PAUSE_MS);
  }
}

/** Releases a claim whose response did not reach the client. A notification is completed by its claim and stays so. */
async function release(mesh: Mesh, claimedSession: unknown): Promise<void> {
  const { id, status } = recordOf<SessionDto>(claimedSession);
  if (status !== 'active') return;
  const request: RequestOf<'release_session'> = {
    id: memberText(id),
    body: { reason: 'The client did not receive the claim', undelivered: true },
  };
  // If the release fails, the lease ends by itself.
  await withRetries(RELEASE_RETRIES, () => mesh.call('release_session', request)).catch(
    () => undefined,
  );
}

/** The result of a replayed claim, with the current state of its session, which may have ended. */
function toReplayed(claim: JsonOf<ClaimedTaskDto>): ToolResponse {
  const { id, status } = recordOf<SessionDto>(claim.session);
  const answer = toClaimed(claim);
  const isDelivered =
    status === 'completed' && recordOf<TaskDto>(claim.task).task_type === 'notification';
  if (status === 'active' || isDelivered) return answer;
  return {
    text: `session-${memberText(id)}, which was claimed with this idempotency_key, is ${memberText(status)}. To claim another task, use a new idempotency_key.`,
    content: { ...answer.content, claimed: false },
  };
}

function toClaimed({ task, session, approvals, limits }: JsonOf<ClaimedTaskDto>): ToolResponse {
  const known = recordsOf<ClaimApprovalDto>(approvals).map(taskApprovalOf);
  const claimed = fitToLimit(taskOf(task), TASK_DETAIL);
  const attempt = attemptOf(session);
  const { id, claimed_by } = recordOf<SessionDto>(session);
  const current = { attempt: claimed.attempt, claimed_by };
  const isDone = attempt.status === 'completed';
  return {
    text: isDone
      ? `Notification from ${memberText(claimed.from_role)}: ${truncate(memberText(claimed.description), 2_000)}`
      : [
          `Claimed in session-${memberText(id)}. The lease ends at ${memberText(attempt.lease_expires_at)}.`,
          taskLine(claimed),
          limitsLine(limits),
          ...known.map((approval) => taskApprovalLine(approval, current)),
        ],
    content: {
      claimed: true,
      paused: null,
      session_id: prefixedOrNull('session', id),
      ...attempt,
      task: claimed,
      limits: recordOf(limits),
      approvals: known,
    },
  };
}

function limitsLine(limits: unknown): string {
  const { result_bytes, result_depth, string_characters } = recordOf<ClaimLimitsDto>(limits);
  return `Limits of the result: ${memberText(result_bytes)} bytes of JSON, ${memberText(result_depth)} levels, ${memberText(string_characters)} characters per string.`;
}
