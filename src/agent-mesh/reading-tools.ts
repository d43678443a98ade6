import { invalidArguments } from './argument-problems.js';
import { readDetail } from './detail-tool.js';
import { beginning, CUT, fitted } from './excerpt.js';
import type { Mesh } from './mesh.js';
import {
  answers,
  flag,
  id,
  list,
  object,
  SESSION_ID,
  takes,
  TASK_ID,
  text,
  textOrNull,
  whole,
} from './schemas.js';
import { type Members, pick, prefixed, recordOf, recordsOf, textOf, type Tool } from './tool.js';

const LAST = 5;
/** How many events of a timeline one answer has. */
const EVENTS = 100;

const EVENT = object(
  'at, event, role, actor; from and to of a change of status; reason (a rule) or told (words).',
);
const WAITS_FOR = list(
  'Whom the task waits for: what (claim, due_time, worker, approval), who, since; approval_id of a pending approval: without it the required approval has to be requested again.',
  object('One of them.'),
);

const fetchStatus: Tool = {
  name: 'fetch_status',
  title: 'See where a task or a session stands',
  description:
    'Tells the status, who has it, the result or the error, whom it waits for, and what happened last. Use it with the task_id of send_task, or with a session_id. Do not call it in a tight loop: work takes minutes; and use task_timeline for the whole story.',
  kind: 'read',
  input: takes(
    { id: id('task-<uuid> as send_task answered, session-<uuid>, or a bare uuid of either.') },
    ['id'],
  ),
  output: answers({
    session_id: text('The session; of a task its latest attempt.'),
    task_id: textOrNull('The task that it carries; null: none.'),
    status: text('pending, active, completed, failed or expired.'),
    task_status: textOrNull(
      'The task’s own: the same, or dead (attempts used up) or cancelled; null: no task.',
    ),
    role: text('The role whose work it is.'),
    claimed_by: textOrNull('The subject that has it; null: nobody yet.'),
    result: { type: ['object', 'null'], description: `What came out, once completed. ${CUT}` },
    error: textOrNull('What went wrong, once failed.'),
    ended_reason: textOrNull('Why it ended, such as worker, lease_lost, deadline or cancelled.'),
    lease_expires_at: textOrNull('Until when its worker need not be heard of.'),
    metadata: object('What its worker noted.'),
    updated_at: text('When it changed last.'),
    waits_for: WAITS_FOR,
    last_events: list('The latest first; empty for a session without a task.', EVENT),
  }),
  unlisted: { task_id: TASK_ID, session_id: SESSION_ID },
  fromLegacy({ task_id, session_id, id: given, ...others }) {
    const [value, ...more] = [given, task_id, session_id].filter((one) => one !== undefined);
    if (more.length > 0) {
      throw invalidArguments('arguments has several ids; give one: id, task_id or session_id');
    }
    return { ...others, ...(value !== undefined && { id: value }) };
  },
  headline({ status }) {
    if (status === 404) return 'session not found';
    return status !== undefined && status >= 500 ? 'database error' : undefined;
  },
  async run(mesh, args) {
    const { body: session } = await mesh.call('get_session', { id: textOf(args.id) });
    const story = await storyOf(mesh, session);
    const all: Members = {
      ...pick(session, 'status', 'role', 'claimed_by', 'result', 'error'),
      ...pick(session, 'ended_reason', 'lease_expires_at', 'metadata', 'updated_at'),
      session_id: prefixed('session', session.id),
      task_id: prefixed('task', session.task_id),
      ...story,
    };
    const content = fitted(all, ['result', 'error', 'metadata']);
    return { text: sentence(all), content };
  },
};

/** What is told of the task beside its latest attempt. */
async function storyOf(mesh: Mesh, { task_id }: Members): Promise<Members> {
  const taskId = textOf(task_id);
  if (!taskId) return { task_status: null, waits_for: [], last_events: [] };
  const [task, timeline] = await Promise.all([
    mesh.call('get_task', { id: taskId }),
    mesh.call('read_timeline', { id: taskId }),
  ]);
  const { events, waits_for } = timeline.body;
  return {
    task_status: task.body.status,
    waits_for: recordsOf(waits_for),
    last_events: recordsOf(events).slice(-LAST).reverse(),
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
  const holder = textOf(claimed_by);
  const waits = recordsOf(more.waits_for).map(
    ({ what, who }) => `${textOf(what)} (${textOf(who)})`,
  );
  const [last] = recordsOf(more.last_events);
  return [
    `It is ${textOf(task_status ?? status)}; ${holder ? `${holder} (${textOf(role)}) has it` : `it is for ${textOf(role)}`}.`,
    ...(result === null ? [] : [`Result: ${beginning(JSON.stringify(result), 2_000)}.`]),
    ...(textOf(error) ? [`Error: ${beginning(textOf(error), 2_000)}.`] : []),
    ...(waits.length > 0 ? [`It waits for the ${waits.join(', and the ')}.`] : []),
    ...(last
      ? [`Last event: ${textOf(last.event)} by ${textOf(last.role)}, ${textOf(last.at)}.`]
      : []),
  ].join(' ');
}

function change(from: unknown, to: unknown): string {
  const steps = [textOf(from), textOf(to)].filter((step) => step !== '');
  return steps.length > 0 ? `: ${steps.join(' -> ')}` : '';
}

const taskTimeline: Tool = {
  name: 'task_timeline',
  title: 'See all that happened to a task',
  description:
    'Tells every event of a task in order, its attempts and approvals among them, and whom it waits for. Use it to explain a delay or a failure. For the present status alone fetch_status is enough.',
  kind: 'read',
  input: takes(
    {
      task_id: TASK_ID,
      offset: whole('Which event to begin with: the next_offset of the answer before.', 0, 1_000),
    },
    ['task_id'],
  ),
  output: answers({
    events: list('The first one first.', EVENT),
    complete: flag('Whether the oldest 1,000 events are all there is.'),
    next_offset: {
      type: ['integer', 'null'],
      description: 'Give it as offset to read on; null: these are the last.',
    },
    waits_for: WAITS_FOR,
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('read_timeline', { id: textOf(args.task_id) });
    const all = recordsOf(body.events);
    const start = typeof args.offset === 'number' ? args.offset : 0;
    const end = start + EVENTS;
    const events = all.slice(start, end).map((event) => ({
      ...event,
      ...(typeof event.told === 'string' && { told: beginning(event.told, 100) }),
    }));
    const lines = events
      .map(recordOf)
      .map(
        ({ at, event, role, from, to }) =>
          `${textOf(at)} ${textOf(event)} by ${textOf(role)}${change(from, to)}`,
      );
    return {
      text: lines,
      content: {
        events,
        next_offset: end < all.length ? end : null,
        ...pick(body, 'complete', 'waits_for'),
      },
    };
  },
};

/** Tools of anyone who wants to know. */
export const READING_TOOLS: readonly Tool[] = [fetchStatus, taskTimeline, readDetail];
