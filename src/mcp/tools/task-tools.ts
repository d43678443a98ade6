import { isRecord } from '../../common/is-record.js';
import { UUID_PATTERN } from '../../common/uuid.js';
import { RUN_SECONDS } from '../../tasks/task-limits.js';
import { invalidArguments } from './argument-problems.js';
import type { MeshClient } from './mesh-client.js';
import {
  outputSchema,
  APPROVER_KIND,
  EXPIRES_IN_SECONDS,
  boolean,
  list,
  object,
  PRIORITY,
  QUORUM,
  REASON,
  ROLE,
  inputSchema,
  TASK_ID,
  text,
  integer,
  withNote,
  withOptional,
} from './schemas.js';
import {
  pickGiven,
  type Members,
  pick,
  prefixedOrNull,
  recordsOf,
  memberText,
  type Tool,
  type ToolResponse,
} from './tool.js';

const TRACE_ID = text('UUID of the workflow that the task belongs to. Default: a new one.', {
  pattern: `^${UUID_PATTERN}$`,
});
/** Members of `task` in the route that are separate arguments of the tool. */
const OF_TASK = ['task_type', 'description', 'data'];

const ROUTED = withOptional(
  outputSchema({
    task_id: text('The new task. Pass it to fetch_status, request_approval or cancel_task.'),
    status: text('accepted: the task is stored.'),
    trace_id: text('The workflow that the task belongs to.'),
  }),
  {
    warnings: list(
      'Warnings about the task, which is stored; absent if there are none.',
      object('code, message, and the pointer to the member of the request if it is about one.'),
    ),
  },
);
/** The arguments about the required approval. */
const WITH_APPROVER = ['quorum', 'expires_in_seconds', 'approver_kind'];
const ONLY_WITH_APPROVER = 'Only with approver_role.';

const sendTask: Tool = {
  name: 'send_task',
  title: 'Send a task to another role',
  description:
    'Assigns work to another org role. The task is stored in the role’s inbox until an agent of the role claims it. Keep the task_id and follow the task with fetch_status. Use notify for a message that requires no work, and request_approval for a yes or no about an existing task. Do not send a task again because it is slow; check fetch_status.',
  kind: 'write',
  input: inputSchema(
    {
      target: text('The role that does the work, such as manager.'),
      task_type: text('The kind of work, such as budget_approval.', {
        minLength: 1,
        maxLength: 50,
      }),
      description: text('The work to do, for the agent that claims the task.', {
        maxLength: 10_000,
      }),
      data: object('Input of the work, such as {"amount": 50000}.'),
      context: object('Background of the task, such as its origin.'),
      priority: PRIORITY,
      deadline_at: text(
        'Deadline (RFC 3339), such as 2036-01-31T12:00:00Z. After it the task can no longer be claimed and ends.',
      ),
      not_before: text(
        'Time (RFC 3339) before which the task cannot be claimed, such as 2036-01-31T12:00:00Z.',
      ),
      max_attempts: integer('Number of attempts before the task is dead; default 3.', 1, 100),
      max_run_seconds: integer(
        'Limit of one attempt in seconds. Heartbeats do not extend it. Default: no limit.',
        RUN_SECONDS.min,
        RUN_SECONDS.max,
      ),
      parent_task_id: text('The task that this one is a subtask of.'),
      approver_role: text(
        'A role that must approve before the task can be completed. The approval is requested with the task.',
      ),
      quorum: withNote(QUORUM, ONLY_WITH_APPROVER),
      expires_in_seconds: withNote(EXPIRES_IN_SECONDS, ONLY_WITH_APPROVER),
      approver_kind: withNote(APPROVER_KIND, ONLY_WITH_APPROVER),
      from_role: ROLE,
      trace_id: TRACE_ID,
    },
    ['target', 'task_type'],
  ),
  output: ROUTED,
  sentAs: { '/task': '', '/requires_approval': '', '/requires_approval/role': 'approver_role' },
  unlisted: { task: object('Deprecated (v0.4): {task_type, description, data} as one object.') },
  fromLegacy(args) {
    const { task } = args;
    if (!isRecord(task)) return args;
    const twice = OF_TASK.filter((name) => name in args);
    if (twice.length > 0) {
      throw invalidArguments(
        `arguments contains task and also ${twice.join(', ')}. Pass only one of them`,
      );
    }
    const { task_type = task.type } = task;
    return { ...args, ...pickGiven({ task_type: task_type ?? undefined }, 'task_type') };
  },
  async run(mesh, args) {
    const times = ['deadline_at', 'not_before', 'max_run_seconds'];
    const more = ['context', 'priority', 'max_attempts', ...times];
    return route(mesh, args, {
      ...pickGiven(args, 'target', 'from_role', 'parent_task_id', ...more),
      ...requiredApproval(args),
      task: isRecord(args.task) ? args.task : pickGiven(args, ...OF_TASK),
    });
  },
};

/**
 * Returns `requires_approval` of the route.
 *
 * @throws MeshError `request.invalid` if an argument about the approval is set without `approver_role`
 */
function requiredApproval({ approver_role: role, ...args }: Members): Members {
  const more = pickGiven(args, ...WITH_APPROVER);
  if (role !== undefined) return { requires_approval: { role, ...more } };
  const names = Object.keys(more);
  if (names.length > 0) {
    throw invalidArguments(
      `${names.map((name) => `arguments/${name} requires approver_role`).join('; ')}. Pass approver_role, or omit ${names.join(', ')}`,
    );
  }
  return {};
}

const notify: Tool = {
  name: 'notify',
  title: 'Send a message to a role',
  description:
    'Puts a message in a role’s inbox. An agent of the role receives it by claiming it, which also completes it. Use send_task if you need work or a reply, and request_approval if you need a decision.',
  kind: 'write',
  input: inputSchema(
    {
      target: text('The role that receives the message.'),
      message: text('The text of the message.', { minLength: 1, maxLength: 10_000 }),
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
      ...pickGiven(args, 'target', 'from_role'),
      task: { task_type: 'notification', description, data: { priority } },
      context: {},
    });
  },
};

async function route(
  mesh: MeshClient,
  { target, trace_id }: Members,
  body: Members,
): Promise<ToolResponse> {
  const trace = memberText(trace_id);
  const { body: routed } = await mesh.call('route_task', {
    body,
    ...(trace && { trace_id: trace }),
  });
  const { warnings } = routed;
  return {
    text: [
      `${memberText(routed.task_id)} is in the inbox of ${memberText(target)}.`,
      ...recordsOf(warnings).map(
        ({ pointer, message }) =>
          `Warning: ${[pointer, message].map(memberText).filter(Boolean).join(': ')}`,
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
    'Cancels an open task that your role sent. The next heartbeat of its worker is refused. With cascade it also cancels the open subtasks that your role sent and, down the tree, the subtasks sent by the roles of cancelled tasks. For a task that you claimed use release_task or fail_task.',
  kind: 'write',
  destructive: true,
  idempotent: true,
  input: inputSchema(
    {
      task_id: TASK_ID,
      reason: REASON,
      cascade: boolean(
        'Whether to cancel its subtasks too, at most 200 tasks in all. Default: false.',
      ),
    },
    ['task_id'],
  ),
  output: outputSchema({
    task_id: text('The task.'),
    status: text('cancelled.'),
    cancelled_tasks: list(
      'The tasks that this call cancelled, the named one first.',
      text('A task id.'),
    ),
  }),
  async run(mesh, args) {
    const { body } = await mesh.call('cancel_task', {
      id: memberText(args.task_id),
      body: pickGiven(args, 'reason', 'cascade'),
    });
    const ids = Array.isArray(body.cancelled_tasks) ? body.cancelled_tasks : [body.id];
    const cancelled_tasks = ids.map((each) => prefixedOrNull('task', each));
    const below = ids.length > 1 ? `, and with it: ${cancelled_tasks.slice(1).join(', ')}` : '';
    return {
      text: `The task is ${memberText(body.status)}${below}.`,
      content: { task_id: prefixedOrNull('task', body.id), status: body.status, cancelled_tasks },
    };
  },
};

const whoami: Tool = {
  name: 'whoami',
  title: 'Get your subject and roles',
  description:
    'Returns the subject and the roles of your token. Call it once at the start, and when a call is refused because of a role.',
  kind: 'read',
  input: inputSchema({}),
  output: outputSchema({
    subject: text('Your identity, as it appears in claimed_by and decided_by.'),
    roles: {
      type: 'array',
      items: { type: 'string' },
      description: 'The roles that you can act for.',
    },
    acting_role: {
      type: ['string', 'null'],
      description:
        'The role that you act for unless a call names another; null: each call must name one.',
    },
    must_name_role: boolean('Whether you must pass a role to the tools that accept one.'),
    kind: text('human or agent. Some approvals can be decided only by a human.'),
  }),
  async run(mesh) {
    const { body } = await mesh.call('who_am_i');
    const roles = Array.isArray(body.roles) ? body.roles.map(memberText).join(', ') : '';
    return {
      text: `You are ${memberText(body.subject)}, acting for ${roles || 'no role'}.`,
      content: {
        ...pick(body, 'subject', 'roles', 'acting_role', 'kind'),
        must_name_role: body.acting_role === null,
      },
    };
  },
};

/** Tools that identify the caller, and that send and cancel tasks. */
export const TASK_TOOLS: readonly Tool[] = [whoami, sendTask, notify, cancelTask];
