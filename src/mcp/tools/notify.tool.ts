import type { NewTaskDto, RouteTaskDto } from '../../tasks/dto/route-task.dto.js';
import { inputSchema, text, ROLE, PRIORITY } from './schemas.js';
import type { Tool } from './tool.js';
import { type JsonOf, type PointerInto, pickGiven } from './json-of.js';
import { ROUTED, TRACE_ID, routeTask } from './routing.js';

const SENT_AS: Partial<Record<PointerInto<RouteTaskDto>, string>> = {
  '/task': '',
  '/task/description': 'message',
  '/task/data': '',
};

export const notify: Tool = {
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
  sentAs: SENT_AS,
  run(mesh, args) {
    const { message: description, priority = 'normal' } = args;
    const task: JsonOf<NewTaskDto> = {
      task_type: 'notification',
      description,
      data: { priority },
    };
    return routeTask(mesh, args, {
      ...pickGiven<RouteTaskDto>(args, 'target', 'from_role'),
      task,
      context: {},
    });
  },
};
