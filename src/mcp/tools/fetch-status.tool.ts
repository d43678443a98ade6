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
} from './schemas.js';
import { type Members, type Tool, prefixedOrNull, memberText } from './tool.js';
import { recordsOf, type JsonOf, type NameOf, pick } from './json-of.js';
import type { Mesh } from './mesh-client.js';
import { invalidArguments } from './argument-problems.js';
import { truncate, CUT, fitToLimit } from './excerpt.js';
import { EVENT, WAITS_FOR, withPrefixedIds } from './timeline-result.js';

/** Events in a result. */
const LAST = 5;
/** The members of a session that can be large. */
const DETAIL: NameOf<SessionDto>[] = ['result', 'error', 'metadata'];

export const fetchStatus: Tool = {
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
    const content = fitToLimit(all, DETAIL);
    return { text: sentence(all), content };
  },
};

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
