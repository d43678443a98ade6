import { toNfc } from '../common/names.js';
import { CUT, fittedList } from './excerpt.js';
import { type Mesh, MeshProblem } from './mesh.js';
import {
  answers,
  CURSOR,
  list,
  NEXT_CURSOR,
  object,
  PAGE_SIZE,
  ROLE,
  takes,
  text,
} from './schemas.js';
import { TASK_DETAIL, TASK_MEMBERS, taskLine, taskOf } from './task-view.js';
import { asQuery, countOf, given, pick, recordsOf, textOf, type Tool } from './tool.js';

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
    tasks: list(`The most urgent first. ${CUT}`, object(TASK_MEMBERS)),
    next_cursor: NEXT_CURSOR,
  }),
  sentAs: { '/to_role': 'role' },
  async run(mesh, args) {
    const role = await inboxRole(mesh, textOf(args.role));
    const { body } = await mesh.call('list_tasks', {
      query: {
        to_role: role,
        status: 'pending',
        ...asQuery(given(args, 'task_type', 'page_size', 'cursor')),
      },
    });
    const tasks = fittedList(recordsOf(body.tasks).map(taskOf), TASK_DETAIL);
    return {
      text: [`Due for ${role}: ${countOf(tasks, body)}.`, ...tasks.map(taskLine)],
      content: { role, tasks, ...pick(body, 'next_cursor') },
    };
  },
};

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

/** Tools of those who look for work. */
export const INBOX_TOOLS: readonly Tool[] = [listInbox];
