import type { ApprovalDto } from '../../approvals/dto/approval.dto.js';
import type { ApprovalWatchQuery } from '../../approvals/dto/approval-watch.query.js';
import type { WatchQuery } from '../../sessions/dto/watch.query.js';
import type { TaskWatchQuery } from '../../tasks/dto/task-watch.query.js';
import type { SessionDto } from '../../sessions/dto/session.dto.js';
import type { TimelineEntryDto, WaitsForDto } from '../../tasks/dto/task-history.dto.js';
import {
  outputSchema,
  inputSchema,
  text,
  textOrNull,
  object,
  list,
  id,
  TASK_ID,
  SESSION_ID,
  SESSION_STATUS,
  waitSeconds,
} from './schemas.js';
import { type Members, type Tool, prefixedOrNull, memberText } from './tool.js';
import { asQuery, recordsOf, type JsonOf, type NameOf, pick } from './json-of.js';
import type { Mesh } from './mesh-client.js';
import { invalidArguments } from './argument-problems.js';
import { truncate, CUT, fitToLimit } from './excerpt.js';
import { toAck } from './approval-result.js';
import { EVENT, WAITS_FOR, withPrefixedIds } from './timeline-result.js';

/** Events in a result. */
const LAST = 5;
/** The members of a session that can be large. */
const DETAIL: NameOf<SessionDto>[] = ['result', 'error', 'metadata'];

const APPROVAL_MEMBERS = [
  ...(['approver_role', 'votes', 'quorum', 'stage', 'stages', 'expires_at'] as const),
  ...(['decided_by', 'decision_at', 'notes', 'consume_until', 'consumed_at'] as const),
];
const APPROVAL = `approval_id, status, task_id, ${APPROVAL_MEMBERS.join(', ')}`;

interface Subject {
  session: JsonOf<SessionDto>;
  approval: JsonOf<ApprovalDto> | null;
}

export const fetchStatus: Tool = {
  name: 'fetch_status',
  title: 'Get the status of a task, session or approval',
  description:
    'Returns the status of a task or session, its worker, its result or error, what it waits for, and its last events. Pass the task_id that send_task returned, a session_id, or an approval_id for the approval and the status of its task. With wait_seconds it returns as soon as the task has ended, the session has changed or the approval has changed. Do not poll it every second: work takes minutes. For the full history use task_timeline.',
  kind: 'read',
  input: inputSchema(
    {
      id: id('task-<uuid>, session-<uuid>, the bare UUID of either, or approval-<uuid>.'),
      wait_seconds: waitSeconds(
        'Maximum time to wait, in seconds; default 0. Keep it below the response timeout of your client.',
      ),
    },
    ['id'],
  ),
  output: outputSchema({
    session_id: text('The session; for a task its latest attempt.'),
    task_id: textOrNull('The task of the session; null for a plain session.'),
    status: SESSION_STATUS,
    task_status: textOrNull(
      'Status of the task: that of its latest attempt, or dead (attempts used up) or cancelled; null for a plain session.',
    ),
    role: text('The role that the work is assigned to.'),
    claimed_by: textOrNull('The subject that has claimed it; null if it is not claimed.'),
    result: {
      type: ['object', 'null'],
      description: `The result of a completed session, else null. ${CUT}`,
    },
    error: textOrNull('The error of a failed session, else null.'),
    ended_reason: textOrNull(
      'The reason of the end, such as worker, lease_lost, deadline or cancelled; null while it is open.',
    ),
    lease_expires_at: textOrNull('Lease expiry of its worker.'),
    metadata: object('Metadata that its worker stored.'),
    updated_at: text('The time of its last change.'),
    waits_for: WAITS_FOR,
    approval: {
      type: ['object', 'null'],
      description: `Of an approval_id: ${APPROVAL}; else null.`,
    },
    last_events: list('The last events, newest first; empty for a plain session.', EVENT),
  }),
  unlisted: { task_id: TASK_ID, session_id: SESSION_ID },
  fromLegacy({ task_id, session_id, id: given, ...others }) {
    const [value, ...more] = [given, task_id, session_id].filter((one) => one !== undefined);
    if (more.length > 0) {
      throw invalidArguments(
        'arguments contains several ids. Pass only one of id, task_id and session_id',
      );
    }
    return { ...others, ...(value !== undefined && { id: value }) };
  },
  headline({ status, code }) {
    if (code === 'approval.not_found') return undefined;
    if (status === 404) return 'session not found';
    return status !== undefined && status >= 500 ? 'database error' : undefined;
  },
  async run(mesh, args) {
    const seconds = typeof args.wait_seconds === 'number' ? args.wait_seconds : 0;
    const { session, approval } = await read(mesh, memberText(args.id), seconds);
    const history = await historyOf(mesh, session);
    const all: Members = {
      ...pick(session, 'status', 'role', 'claimed_by', 'result', 'error'),
      ...pick(session, 'ended_reason', 'lease_expires_at', 'metadata', 'updated_at'),
      session_id: prefixedOrNull('session', session.id),
      task_id: prefixedOrNull('task', session.task_id),
      approval: approval && { ...pick(approval, ...APPROVAL_MEMBERS), ...toAck(approval) },
      ...history,
    };
    const content = fitToLimit(all, DETAIL);
    return { text: [...approvalText(approval), sentence(all)].join(' '), content };
  },
};

/** Reads the session of an id. First waits until its task has ended, or until it or the approval has changed. */
async function read(mesh: Mesh, given: string, wait_seconds: number): Promise<Subject> {
  if (given.startsWith('approval-')) {
    const query = asQuery<ApprovalWatchQuery>({ wait_seconds });
    const { body: approval } = await mesh.call('get_approval', { id: given, query });
    const task = { id: `task-${memberText(approval.task_id)}` };
    return { session: (await mesh.call('get_session', task)).body, approval };
  }
  const { body: session } = await mesh.call('get_session', { id: given });
  const isOpen = session.status === 'pending' || session.status === 'active';
  if (wait_seconds === 0 || !isOpen) return { session, approval: null };
  const isOfTask = given.replace(/^task-/, '').toLowerCase() === session.task_id;
  if (isOfTask) {
    const query = asQuery<TaskWatchQuery>({ wait_seconds, until: 'finished' });
    await mesh.call('get_task', { id: given, query });
    return { session: (await mesh.call('get_session', { id: given })).body, approval: null };
  }
  const query = asQuery<WatchQuery>({ wait_seconds, version: session.version });
  return { session: (await mesh.call('get_session', { id: given, query })).body, approval: null };
}

function approvalText(approval: Subject['approval']): string[] {
  if (!approval) return [];
  const { approval_id, status } = toAck(approval);
  const decider = memberText(approval.decided_by);
  return [
    `${memberText(approval_id)} is ${memberText(status)}${decider ? `, decided by ${decider}` : ''}.`,
  ];
}

/** Returns the status of the task, what it waits for and its last events. */
async function historyOf(mesh: Mesh, { task_id }: JsonOf<SessionDto>): Promise<Members> {
  const taskId = memberText(task_id);
  if (!taskId) return { task_status: null, waits_for: [], last_events: [] };
  const [task, timeline] = await Promise.all([
    mesh.call('get_task', { id: taskId }),
    mesh.call('read_timeline', { id: taskId }),
  ]);
  const { events, waits_for } = timeline.body;
  return {
    task_status: task.body.status,
    waits_for: recordsOf<WaitsForDto>(waits_for).map(withPrefixedIds),
    last_events: recordsOf<TimelineEntryDto>(events).slice(-LAST).reverse().map(withPrefixedIds),
  };
}

function sentence({
  status,
  task_status,
  role,
  claimed_by,
  result,
  error,
  ...more
}: Members): string {
  const holder = memberText(claimed_by);
  const waits = recordsOf<WaitsForDto>(more.waits_for).map(
    ({ what, who }) => `${memberText(what)} (${memberText(who)})`,
  );
  const [last] = recordsOf<TimelineEntryDto>(more.last_events);
  return [
    `Status: ${memberText(task_status ?? status)}. ${holder ? `Claimed by ${holder} (${memberText(role)})` : `Role: ${memberText(role)}`}.`,
    ...(result === null ? [] : [`Result: ${truncate(JSON.stringify(result), 2_000)}.`]),
    ...(memberText(error) ? [`Error: ${truncate(memberText(error), 2_000)}.`] : []),
    ...(waits.length > 0 ? [`Waits for: ${waits.join(', ')}.`] : []),
    ...(last
      ? [
          `Last event: ${memberText(last.event)} by ${memberText(last.role)}, ${memberText(last.at)}.`,
        ]
      : []),
  ].join(' ');
}
