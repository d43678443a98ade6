import { UUID_PATTERN } from '../../common/uuid.js';
import type { WarningDto } from '../../http/warnings.js';
import type { RouteTaskDto } from '../../tasks/dto/route-task.dto.js';
import { outputSchema, text, object, list, withOptional } from './schemas.js';
import { type Members, type ToolResponse, memberText } from './tool.js';
import { type JsonOf, pick, recordsOf } from './json-of.js';
import type { Mesh } from './mesh-client.js';

export const TRACE_ID = text('UUID of the workflow that the task belongs to. Default: a new one.', {
  pattern: `^${UUID_PATTERN}$`,
});
/** The output schema of a tool that routes a task. */
export const ROUTED = withOptional(
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
/** Routes a task, and returns the result of the tool. */
export async function routeTask(
  mesh: Mesh,
  { target, trace_id }: Members,
  body: JsonOf<RouteTaskDto>,
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
      ...recordsOf<WarningDto>(warnings).map(
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
