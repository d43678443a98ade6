import { invalidArguments } from './argument-problems.js';
import { readDetail } from './detail-tool.js';
import { truncate, CUT, fitToLimit } from './excerpt.js';
import type { MeshClient } from './mesh-client.js';
import {
  outputSchema,
  boolean,
  id,
  list,
  object,
  SESSION_ID,
  SESSION_STATUS,
  inputSchema,
  TASK_ID,
  text,
  textOrNull,
  integer,
} from './schemas.js';
import {
  type Members,
  pick,
  prefixedOrNull,
  recordOf,
  recordsOf,
  memberText,
  type Tool,
} from './tool.js';

const LAST = 5;
/** Events of a timeline in one result. */
const EVENTS = 100;

const EVENT = object(
  'at, event, role, actor; from and to of a status change; reason: the cause, such as lease_lost; told: the reason that the caller gave; session_id, approval_id.',
);
const WAITS_FOR = list(
  'Conditions that the task waits for: what (claim, due_time, worker, approval), who (the role or subject), since; approval_id of a pending approval. An approval without approval_id must be requested again. A claim with approval_id: the worker voted on that approval, so another agent must claim the task.',
  object('what, who, since, approval_id.'),
);

const fetchStatus: Tool = {
  name: 'fetch_status',
  title: 'Get the status of a task or session',
  description:
    'Returns the status of a task or session, its worker, its result or error, what it waits for, and its last events. Pass the task_id that send_task returned, or a session_id. Do not poll it every second: work takes minutes. For the full history use task_timeline.',
  kind: 'read',
  input: inputSchema({ id: id('task-<uuid>, session-<uuid>, or the bare UUID of either.') }, [
    'id',
  ]),
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
  headline({ status }) {
    if (status === 404) return 'session not found';
    return status !== undefined && status >= 500 ? 'database error' : undefined;
  },
  async run(mesh, args) {
    const { body: session } = await mesh.call('get_session', { id: memberText(args.id) });
    const history = await historyOf(mesh, session);
    const all: Members = {
      ...pick(session, 'status', 'role', 'claimed_by', 'result', 'error'),
      ...pick(session, 'ended_reason', 'lease_expires_at', 'metadata', 'updated_at'),
      session_id: prefixedOrNull('session', session.id),
      task_id: prefixedOrNull('task', session.task_id),
      ...history,
    };
    const content = fitToLimit(all, ['result', 'error', 'metadata']);
    return { text: sentence(all), content };
  },
};

/** Returns the status of the task, what it waits for and its last events. */
async function historyOf(mesh: MeshClient, { task_id }: Members): Promise<Members> {
  const taskId = memberText(task_id);
  if (!taskId) return { task_status: null, waits_for: [], last_events: [] };
  const [task, timeline] = await Promise.all([
    mesh.call('get_task', { id: taskId }),
    mesh.call('read_timeline', { id: taskId }),
  ]);
  const { events, waits_for } = timeline.body;
  return {
    task_status: task.body.status,
    waits_for: recordsOf(waits_for).map(withPrefixedIds),
    last_events: recordsOf(events).slice(-LAST).reverse().map(withPrefixedIds),
  };
}

const PREFIXES = {
  session_id: 'session',
  approval_id: 'approval',
  until_approval: 'approval',
  cause: 'task',
} as const;

/** Adds the prefix to the ids of an event or of a condition that the task waits for. */
function withPrefixedIds(entry: Members): Members {
  const prefixed: Members = { ...entry };
  for (const [name, kind] of Object.entries(PREFIXES)) {
    if (name in entry) prefixed[name] = prefixedOrNull(kind, entry[name]);
  }
  return prefixed;
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
  const waits = recordsOf(more.waits_for).map(
    ({ what, who }) => `${memberText(what)} (${memberText(who)})`,
  );
  const [last] = recordsOf(more.last_events);
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

function change(from: unknown, to: unknown): string {
  const steps = [memberText(from), memberText(to)].filter((step) => step !== '');
  return steps.length > 0 ? `: ${steps.join(' -> ')}` : '';
}

const taskTimeline: Tool = {
  name: 'task_timeline',
  title: 'Get the timeline of a task',
  description:
    'Returns the events of a task, its attempts and its approvals, oldest first, and what the task waits for. Use it to explain a delay or a failure. For the current status use fetch_status.',
  kind: 'read',
  input: inputSchema(
    {
      task_id: TASK_ID,
      offset: integer('The next_offset of the previous page. Default: 0.', 0, 1_000),
    },
    ['task_id'],
  ),
  output: outputSchema({
    events: list('The events, oldest first.', EVENT),
    complete: boolean(
      'Whether the timeline is complete. If false, only the oldest 1,000 events are returned.',
    ),
    next_offset: {
      type: ['integer', 'null'],
      description: 'Pass it as offset to read the next page; null on the last page.',
    },
    waits_for: WAITS_FOR,
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('read_timeline', { id: memberText(args.task_id) });
    const all = recordsOf(body.events);
    const start = typeof args.offset === 'number' ? args.offset : 0;
    const end = start + EVENTS;
    const events = all.slice(start, end).map((event) => ({
      ...withPrefixedIds(event),
      ...(typeof event.told === 'string' && { told: truncate(event.told, 100) }),
    }));
    const lines = events
      .map(recordOf)
      .map(
        ({ at, event, role, from, to }) =>
          `${memberText(at)} ${memberText(event)} by ${memberText(role)}${change(from, to)}`,
      );
    return {
      text: lines,
      content: {
        events,
        next_offset: end < all.length ? end : null,
        ...pick(body, 'complete'),
        waits_for: recordsOf(body.waits_for).map(withPrefixedIds),
      },
    };
  },
};

/** Tools that read tasks and sessions. */
export const STATUS_TOOLS: readonly Tool[] = [fetchStatus, taskTimeline, readDetail];
