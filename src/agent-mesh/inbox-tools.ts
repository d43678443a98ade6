import { setTimeout as sleep } from 'node:timers/promises';
import { toNfc } from '../common/names.js';
import { type Mesh, type MeshAnswer, MeshProblem } from './mesh.js';
import {
  answers,
  CURSOR,
  flag,
  LEASE_SECONDS,
  list,
  NEXT_CURSOR,
  object,
  PAGE_SIZE,
  ROLE,
  takes,
  TASK_ID,
  text,
  textOrNull,
  whole,
} from './schemas.js';
import {
  asQuery,
  countOf,
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
/** After work was seen but another agent was faster. */
const LOST_RACE_PAUSE_MS = 100;

const TASK_MEMBERS =
  'task_id, task_type, description, data, context, from_role, to_role, priority, deadline_at, requires_approval, attempt, created_at.';

function taskOf(task: unknown): Members {
  const { id, ...task_ } = recordOf(task);
  return {
    task_id: prefixed('task', id),
    ...pick(task_, 'task_type', 'description', 'data', 'context', 'from_role', 'to_role'),
    ...pick(task_, 'priority', 'deadline_at', 'requires_approval', 'attempt', 'created_at'),
  };
}

const listInbox: Tool = {
  name: 'list_inbox',
  title: 'See what waits for your role',
  description:
    'Lists the tasks that are due for your role, in the order in which they are to be done. Use it to look. To take work use claim_task, which needs no list before it: what is listed may be claimed by another agent meanwhile.',
  kind: 'read',
  input: takes({
    role: ROLE,
    task_type: text('Only tasks of this type.'),
    page_size: PAGE_SIZE,
    cursor: CURSOR,
  }),
  output: answers({
    role: text('Whose inbox it is.'),
    tasks: list('The most urgent first.', object(TASK_MEMBERS)),
    next_cursor: NEXT_CURSOR,
  }),
  async run(mesh, args) {
    const role = await inboxRole(mesh, textOf(args.role));
    const { body } = await mesh.call('list_tasks', {
      query: {
        to_role: role,
        status: 'pending',
        ...asQuery(given(args, 'task_type', 'page_size', 'cursor')),
      },
    });
    const tasks = recordsOf(body.tasks).map(taskOf);
    return {
      text: [`Due for ${role}: ${countOf(tasks, body)}.`, ...tasks.map(line)].join('\n'),
      content: { role, tasks, ...pick(body, 'next_cursor') },
    };
  },
};

function line({ task_id, task_type, from_role, description }: Members): string {
  return `- ${textOf(task_id)} ${textOf(task_type)} from ${textOf(from_role)}: ${textOf(description)}`;
}

/** The inbox is that of one role: the one named, else the one that the caller acts for when it names none. */
async function inboxRole(mesh: Mesh, named: string): Promise<string> {
  const { body } = await mesh.call('who_am_i');
  const roles = Array.isArray(body.roles) ? body.roles.map(textOf) : [];
  const name = toNfc(named);
  if (roles.includes(name)) return name;
  const acting = textOf(body.acting_role);
  if (!named && acting) return acting;
  throw new MeshProblem({
    code: named ? 'auth.role_not_held' : 'auth.role_ambiguous',
    status: named ? 403 : 400,
    detail: `Name the role to act for, one of: ${roles.join(', ')}`,
  });
}

const claimTask: Tool = {
  name: 'claim_task',
  title: 'Take the next task of your role',
  description:
    'Takes the most urgent task that is due for your role, waiting for one up to 25 seconds, or one task by its id at once. It is then yours until its lease ends: work on it, call heartbeat before that, and end with complete_task, fail_task or release_task, each with the session_id from here. Do not claim what you will not work on now. claimed false: nothing came; call again.',
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
    wait_seconds: whole('How long to wait for a task; default 25.', 0, MAX_WAIT_SECONDS),
    lease_seconds: LEASE_SECONDS,
  }),
  output: answers({
    claimed: flag('Whether you have a task now.'),
    session_id: textOrNull('The session in which you do it: needed to finish it.'),
    lease_expires_at: textOrNull('Call heartbeat before this.'),
    status: textOrNull('active; completed: a notification, which is delivered by claiming it.'),
    task: { type: ['object', 'null'], description: TASK_MEMBERS },
  }),
  async run(mesh, args) {
    const task_id = textOf(args.task_id);
    const lease = given(args, 'lease_seconds');
    const claim = task_id
      ? await mesh.call('claim_task', { id: task_id, body: lease })
      : await claimNext(mesh, args);
    return claim.status === 204 ? NOTHING : toClaimed(claim.body);
  },
};

const NOTHING: ToolAnswer = {
  text: 'Nothing is due. Call claim_task again to go on waiting.',
  content: { claimed: false, session_id: null, lease_expires_at: null, status: null, task: null },
};

/**
 * Claims, else waits until there is something to claim, and claims again: another agent may have been faster. The
 * claim comes first, so that one which is sent again with its key is answered at once.
 */
async function claimNext(mesh: Mesh, args: Members): Promise<MeshAnswer> {
  const wanted = given(args, 'role', 'task_types');
  const body = { ...wanted, ...given(args, 'lease_seconds') };
  const seconds = typeof args.wait_seconds === 'number' ? args.wait_seconds : MAX_WAIT_SECONDS;
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const claim = await mesh.call('claim_next_task', { body });
    const left = Math.floor((deadline - performance.now()) / 1000);
    if (claim.status !== 204 || left <= 0) return claim;
    const wait = await mesh.call('wait_for_task', {
      query: asQuery({ ...wanted, wait_seconds: left }),
    });
    // The time is up, or the controller is stopping.
    if (wait.status === 204) return wait;
    await sleep(Math.random() * LOST_RACE_PAUSE_MS);
  }
}

function toClaimed({ task, session }: Members): ToolAnswer {
  const claimed = taskOf(task);
  const held = pick(session, 'id', 'lease_expires_at', 'status');
  const isDone = held.status === 'completed';
  return {
    text: isDone
      ? `A notification from ${textOf(claimed.from_role)}, delivered: ${textOf(claimed.description)}`
      : `Yours until ${textOf(held.lease_expires_at)}, in session-${textOf(held.id)}:\n${line(claimed)}`,
    content: {
      claimed: true,
      session_id: prefixed('session', held.id),
      ...pick(held, 'lease_expires_at', 'status'),
      task: claimed,
    },
  };
}

/** Tools of those who take work for a role. */
export const INBOX_TOOLS: readonly Tool[] = [listInbox, claimTask];
