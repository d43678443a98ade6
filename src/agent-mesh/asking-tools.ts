import { isRecord } from '../auth/is-record.js';
import { RUN_SECONDS } from '../tasks/task-limits.js';
import { invalidArguments } from './argument-problems.js';
import type { Mesh } from './mesh.js';
import {
  answers,
  APPROVER_KIND,
  EXPIRES_IN_SECONDS,
  flag,
  list,
  object,
  PRIORITY,
  QUORUM,
  ROLE,
  takes,
  TASK_ID,
  text,
  whole,
} from './schemas.js';
import {
  given,
  type Members,
  pick,
  prefixed,
  recordsOf,
  textOf,
  type Tool,
  type ToolAnswer,
} from './tool.js';

const TRACE_ID = text('A UUID that ties this to a workflow under way. Default: a new one.', {
  pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
});
/** The members of a task that are arguments of their own. */
const OF_TASK = ['task_type', 'description', 'data'];

const ROUTED = answers({
  task_id: text('Give it to fetch_status, request_approval and cancel_task.'),
  status: text('accepted: stored, it will not be lost.'),
  trace_id: text('The workflow that it belongs to.'),
});

const sendTask: Tool = {
  name: 'send_task',
  title: 'Send a task to a role',
  description:
    'Asks the agent of another org role to do something. Use it when work is another role’s to do; it is stored, queued in that role’s inbox, and carried out at some later time, so remember the task_id and ask fetch_status. Do not use it to let somebody know something (notify), for a yes or no about a task that exists (request_approval), or to ask again because the work is slow (fetch_status).',
  kind: 'write',
  input: takes(
    {
      target: text('The role that is to do it, such as manager.'),
      task_type: text('What kind of work, such as budget_approval.', {
        minLength: 1,
        maxLength: 50,
      }),
      description: text('What is to be done, for the agent that does it.', { maxLength: 10_000 }),
      data: object('What the work needs, such as {"amount": 50000}.'),
      context: object('Where it comes from, for whoever reads it later.'),
      priority: PRIORITY,
      deadline_at: text('After this it is not worth doing: 2026-01-31T12:00:00Z.'),
      not_before: text('Not to be begun before this: 2026-01-31T12:00:00Z.'),
      max_attempts: whole('How many attempts before it is given up; default 3.', 1, 100),
      max_run_seconds: whole(
        'How many seconds one attempt may take, whatever its heartbeats. Default: no limit.',
        RUN_SECONDS.min,
        RUN_SECONDS.max,
      ),
      parent_task_id: text('The task that this one is part of.'),
      approver_role: text(
        'A role that has to approve before the task can be completed; it is asked along with the task.',
      ),
      quorum: QUORUM,
      expires_in_seconds: EXPIRES_IN_SECONDS,
      approver_kind: APPROVER_KIND,
      from_role: ROLE,
      trace_id: TRACE_ID,
    },
    ['target', 'task_type'],
  ),
  output: ROUTED,
  sentAs: { '/task': '', '/requires_approval': '', '/requires_approval/role': 'approver_role' },
  unlisted: { task: object('The task as v0.4 has it: {task_type, description, data}.') },
  fromLegacy(args) {
    const { task } = args;
    if (!isRecord(task)) return args;
    const twice = OF_TASK.filter((name) => name in args);
    if (twice.length > 0) {
      throw invalidArguments(`arguments has task, and ${twice.join(', ')} beside it; give one`);
    }
    const { task_type = task.type } = task;
    return { ...args, ...given({ task_type: task_type ?? undefined }, 'task_type') };
  },
  async run(mesh, args) {
    const times = ['deadline_at', 'not_before', 'max_run_seconds'];
    const more = ['context', 'priority', 'max_attempts', ...times];
    return route(mesh, args, {
      ...given(args, 'target', 'from_role', 'parent_task_id', ...more),
      ...requiredApproval(args),
      task: isRecord(args.task) ? args.task : given(args, ...OF_TASK),
    });
  },
};

/** What else is said of an approval goes with a role that is to give it. */
function requiredApproval({ approver_role: role, ...args }: Members): Members {
  const more = given(args, 'quorum', 'expires_in_seconds', 'approver_kind');
  if (role === undefined && Object.keys(more).length === 0) return {};
  return { requires_approval: { ...(role !== undefined && { role }), ...more } };
}

const notify: Tool = {
  name: 'notify',
  title: 'Let a role know something',
  description:
    'Leaves a message in a role’s inbox; claiming it delivers it, and nothing has to be done. Use it for news. Do not use it when you need work or an answer: that is send_task or request_approval.',
  kind: 'write',
  input: takes(
    {
      target: text('The role that is to know.'),
      message: text('What it is to know.', { minLength: 1, maxLength: 10_000 }),
      priority: PRIORITY,
      from_role: ROLE,
      trace_id: TRACE_ID,
    },
    ['target', 'message'],
  ),
  output: ROUTED,
  sentAs: {
    '/task': '',
    '/task/description': 'message',
    '/task/data': '',
  },
  run(mesh, args) {
    const { message: description, priority = 'normal' } = args;
    return route(mesh, args, {
      ...given(args, 'target', 'from_role'),
      task: { task_type: 'notification', description, data: { priority } },
      context: {},
    });
  },
};

async function route(
  mesh: Mesh,
  { target, trace_id }: Members,
  body: Members,
): Promise<ToolAnswer> {
  const trace = textOf(trace_id);
  const { body: routed } = await mesh.call('route_task', {
    body,
    ...(trace && { trace_id: trace }),
  });
  const { warnings } = routed;
  return {
    text: [
      `${textOf(routed.task_id)} is in the inbox of ${textOf(target)}.`,
      ...recordsOf(warnings).map(
        ({ pointer, message }) =>
          `Warning: ${[pointer, message].map(textOf).filter(Boolean).join(': ')}`,
      ),
    ],
    content: {
      ...pick(routed, 'task_id', 'status', 'trace_id'),
      ...(warnings !== undefined && { warnings }),
    },
  };
}

const cancelTask: Tool = {
  name: 'cancel_task',
  title: 'Cancel a task that your role sent',
  description:
    'Ends a task that your role sent; its worker learns of it at its next heartbeat. Use it when the work is not wanted any more. With cascade it also ends the open tasks below it that your role sent or that were sent along the chain. Do not use it on a task that you claimed: that is release_task or fail_task.',
  kind: 'write',
  destructive: true,
  idempotent: true,
  input: takes(
    {
      task_id: TASK_ID,
      reason: text('Why, for those who read the timeline.', { maxLength: 1_000 }),
      cascade: flag('Whether to cancel the tasks below it too, at most 200. Default: false.'),
    },
    ['task_id'],
  ),
  output: answers({
    task_id: text('The task.'),
    status: text('cancelled.'),
    cancelled_tasks: list('The tasks that the call cancelled, this one first.', text('A task id.')),
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('cancel_task', {
      id: textOf(args.task_id),
      body: given(args, 'reason', 'cascade'),
    });
    const ids = Array.isArray(body.cancelled_tasks) ? body.cancelled_tasks : [body.id];
    const cancelled_tasks = ids.map((each) => prefixed('task', each));
    const below = ids.length > 1 ? `, and with it: ${cancelled_tasks.slice(1).join(', ')}` : '';
    return {
      text: `The task is ${textOf(body.status)}${below}.`,
      content: { task_id: prefixed('task', body.id), status: body.status, cancelled_tasks },
    };
  },
};

const whoami: Tool = {
  name: 'whoami',
  title: 'Who am I',
  description:
    'Tells which subject and which roles your token stands for. Use it once at the start, and when a role is refused.',
  kind: 'read',
  input: takes({}),
  output: answers({
    subject: text('How others see you in claimed_by and decided_by.'),
    roles: { type: 'array', items: { type: 'string' }, description: 'The roles you may act for.' },
    acting_role: {
      type: ['string', 'null'],
      description: 'The role you act for when you name none; null: you have to name one.',
    },
    must_name_role: flag('Whether tools that take a role need it from you.'),
    kind: text('human or agent: some approvals can be decided by a human only.'),
  }),
  async run(mesh) {
    const { body } = await mesh.call('who_am_i');
    const roles = Array.isArray(body.roles) ? body.roles.map(textOf).join(', ') : '';
    return {
      text: `You are ${textOf(body.subject)}, acting for ${roles || 'no role'}.`,
      content: {
        ...pick(body, 'subject', 'roles', 'acting_role', 'kind'),
        must_name_role: body.acting_role === null,
      },
    };
  },
};

/** Tools of those who want something from other roles. */
export const ASKING_TOOLS: readonly Tool[] = [whoami, sendTask, notify, cancelTask];
