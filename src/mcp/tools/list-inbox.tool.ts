import { toNfc } from '../../common/names.js';
import type { ListTasksQuery } from '../../tasks/dto/list-tasks.query.js';
import {
  outputSchema,
  inputSchema,
  text,
  object,
  list,
  ROLE,
  PAGE_SIZE,
  CURSOR,
  NEXT_CURSOR,
} from './schemas.js';
import { type Tool, memberText, countOf } from './tool.js';
import { recordsOf, pickGiven, type PointerInto, pick, asQuery } from './json-of.js';
import { type Mesh, MeshError } from './mesh-client.js';
import { CUT, fitListToLimit } from './excerpt.js';
import { TASK_DETAIL, TASK_MEMBERS, taskLine, taskOf } from './task-result.js';

const SENT_AS: Partial<Record<PointerInto<ListTasksQuery>, string>> = { '/to_role': 'role' };

export const listInbox: Tool = {
  name: 'list_inbox',
  title: 'List the inbox of your role',
  description:
    'Lists the tasks that your role can claim now, most urgent first. Use it only to see the backlog. To work use claim_task directly: another agent may claim a listed task first.',
  kind: 'read',
  input: inputSchema({
    role: ROLE,
    task_type: text('Only tasks of this type.'),
    page_size: PAGE_SIZE,
    cursor: CURSOR,
  }),
  output: outputSchema({
    role: text('The role of the inbox.'),
    tasks: list(`The tasks, most urgent first. ${CUT}`, object(TASK_MEMBERS)),
    next_cursor: NEXT_CURSOR,
  }),
  sentAs: SENT_AS,
  async run(mesh, args) {
    const role = await inboxRole(mesh, memberText(args.role));
    const { body } = await mesh.call('list_tasks', {
      query: {
        to_role: role,
        status: 'pending',
        ...asQuery(pickGiven<ListTasksQuery>(args, 'task_type', 'page_size', 'cursor')),
      },
    });
    const tasks = fitListToLimit(recordsOf(body.tasks).map(taskOf), TASK_DETAIL);
    return {
      text: [`Due for ${role}: ${countOf(tasks, body)}.`, ...tasks.map(taskLine)],
      content: { role, tasks, ...pick(body, 'next_cursor') },
    };
  },
};

/** Returns the role of the inbox: the named one, else the acting role of the caller. */
async function inboxRole(mesh: Mesh, named: string): Promise<string> {
  const { body } = await mesh.call('who_am_i');
  const roles = Array.isArray(body.roles) ? body.roles.map(memberText) : [];
  const name = toNfc(named);
  if (roles.includes(name)) return name;
  const acting = memberText(body.acting_role);
  if (!named && acting) return acting;
  throw new MeshError({
    code: named ? 'auth.role_not_held' : 'auth.role_ambiguous',
    status: named ? 403 : 400,
    detail: `${named ? 'You do not hold the role in arguments/role' : 'arguments/role is required'}. Pass one of: ${roles.join(', ')}`,
  });
}
