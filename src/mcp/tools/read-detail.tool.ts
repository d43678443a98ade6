import type { ApprovalDto } from '../../approvals/dto/approval.dto.js';
import type { SessionDto } from '../../sessions/dto/session.dto.js';
import type { TaskDetailDto } from '../../tasks/dto/task.dto.js';
import { outputSchema, inputSchema, text, integer, id } from './schemas.js';
import { type Tool, memberText } from './tool.js';
import { recordOf, type NameOf } from './json-of.js';
import { invalidArguments } from './argument-problems.js';
import { type OperationName } from './operations.js';

/** Characters in one part. A character takes up to 13 bytes: a control character is escaped in both copies of the result. */
const CHARS = 16_384;

const TASK: NameOf<TaskDetailDto>[] = ['description', 'data', 'context'];
const SESSION: NameOf<SessionDto>[] = ['result', 'error', 'metadata'];
const APPROVAL: NameOf<ApprovalDto>[] = ['reason', 'payload', 'notes'];

const KINDS: Readonly<Record<string, { operation: OperationName; members: readonly string[] }>> = {
  task: { operation: 'get_task', members: TASK },
  session: { operation: 'get_session', members: SESSION },
  approval: { operation: 'get_approval', members: APPROVAL },
};

export const readDetail: Tool = {
  name: 'read_detail',
  title: 'Read a truncated member',
  description:
    'Returns the full value of one member of a task, session or approval, in parts of 16,384 characters. Use it when another tool lists the member in cut. An object is returned as JSON.',
  kind: 'read',
  input: inputSchema(
    {
      id: id('task-<uuid>, session-<uuid> or approval-<uuid>, or the bare UUID.'),
      member: text(
        'Of a task: description, data, context. Of a session: result, error, metadata. Of an approval: reason, payload, notes.',
        {
          enum: Object.values(KINDS).flatMap(({ members }) => members),
        },
      ),
      offset: integer('The next_offset of the previous part. Default: 0.', 0, 100_000_000),
    },
    ['id', 'member'],
  ),
  output: outputSchema({
    text: text('This part of the value.'),
    next_offset: {
      type: ['integer', 'null'],
      description: 'Pass it as offset to read the next part; null on the last part.',
    },
    total_chars: integer('Length of the full value in characters.', 0, 100_000_000),
  }),
  async run(mesh, args) {
    const member = memberText(args.member);
    const { body } = await mesh.call(operationFor(memberText(args.id), member), {
      id: memberText(args.id),
    });
    const value = recordOf(body)[member] ?? '';
    const full = typeof value === 'string' ? value : JSON.stringify(value);
    const start = typeof args.offset === 'number' ? args.offset : 0;
    const end = endOfPart(full, start);
    const next_offset = end < full.length ? end : null;
    return {
      text:
        next_offset === null
          ? `This is the last part of ${member}.`
          : `The next part of ${member} has offset ${next_offset}.`,
      content: { text: full.slice(start, end), next_offset, total_chars: full.length },
    };
  },
};

/** Returns the operation that reads a member. Each member belongs to one kind, so a bare id needs no prefix. */
function operationFor(id: string, member: string): OperationName {
  const [prefix = ''] = id.split('-');
  const named = Object.hasOwn(KINDS, prefix) ? KINDS[prefix] : undefined;
  const kind = named ?? Object.values(KINDS).find(({ members }) => members.includes(member));
  if (kind?.members.includes(member)) return kind.operation;
  const known = kind?.members ?? [];
  throw invalidArguments(`arguments/member of a ${prefix} must be one of ${known.join(', ')}`);
}

/** Returns the end of the part that begins at `start`. A surrogate pair is not split. */
function endOfPart(full: string, start: number): number {
  const end = Math.min(full.length, start + CHARS);
  return end < full.length && /[\ud800-\udbff]/.test(full.charAt(end - 1)) ? end - 1 : end;
}
