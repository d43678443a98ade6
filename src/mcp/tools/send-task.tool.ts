import { isRecord } from '../../common/is-record.js';
import type {
  NewTaskDto,
  RequiredApprovalDto,
  RouteTaskDto,
} from '../../tasks/dto/route-task.dto.js';
import { RUN_SECONDS } from '../../tasks/task-limits.js';
import {
  inputSchema,
  text,
  object,
  integer,
  withNote,
  ROLE,
  PRIORITY,
  QUORUM,
  EXPIRES_IN_SECONDS,
  APPROVER_KIND,
} from './schemas.js';
import type { Members, Tool } from './tool.js';
import { pickGiven, type JsonOf, type NameOf, type PointerInto } from './json-of.js';
import { invalidArguments } from './argument-problems.js';
import { ROUTED, TRACE_ID, routeTask } from './routing.js';

/** Members of `task` in the route that are separate arguments of the tool. */
const OF_TASK: NameOf<NewTaskDto>[] = ['task_type', 'description', 'data'];

/** The arguments about the required approval. */
const WITH_APPROVER: NameOf<RequiredApprovalDto>[] = [
  'quorum',
  'expires_in_seconds',
  'approver_kind',
];
const ONLY_WITH_APPROVER = 'Only with approver_role.';

const SENT_AS: Partial<Record<PointerInto<RouteTaskDto>, string>> = {
  '/task': '',
  '/requires_approval': '',
  '/requires_approval/role': 'approver_role',
};

export const sendTask: Tool = {
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
  sentAs: SENT_AS,
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
    return {
      ...args,
      ...pickGiven<NewTaskDto>({ task_type: task_type ?? undefined }, 'task_type'),
    };
  },
  async run(mesh, args) {
    return routeTask(mesh, args, {
      ...pickGiven<RouteTaskDto>(
        args,
        'target',
        'from_role',
        'parent_task_id',
        'context',
        'priority',
      ),
      ...pickGiven<RouteTaskDto>(
        args,
        'max_attempts',
        'deadline_at',
        'not_before',
        'max_run_seconds',
      ),
      ...requiredApproval(args),
      task: isRecord(args.task) ? args.task : pickGiven<NewTaskDto>(args, ...OF_TASK),
    });
  },
};

/**
 * Returns `requires_approval` of the route.
 *
 * @throws MeshError `request.invalid` if an argument about the approval is set without `approver_role`
 */
function requiredApproval({
  approver_role: role,
  ...args
}: Members): Pick<JsonOf<RouteTaskDto>, 'requires_approval'> {
  const more = pickGiven<RequiredApprovalDto>(args, ...WITH_APPROVER);
  if (role !== undefined) {
    const requires_approval: JsonOf<RequiredApprovalDto> = { role, ...more };
    return { requires_approval };
  }
  const names = Object.keys(more);
  if (names.length > 0) {
    throw invalidArguments(
      `${names.map((name) => `arguments/${name} requires approver_role`).join('; ')}. Pass approver_role, or omit ${names.join(', ')}`,
    );
  }
  return {};
}
