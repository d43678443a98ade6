import type { CancelDto } from '../../tasks/dto/task-control.dto.js';
import { outputSchema, inputSchema, text, boolean, list, TASK_ID, REASON } from './schemas.js';
import { type Tool, prefixedOrNull, memberText } from './tool.js';
import { pickGiven } from './json-of.js';

export const cancelTask: Tool = {
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
      body: pickGiven<CancelDto>(args, 'reason', 'cascade'),
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
