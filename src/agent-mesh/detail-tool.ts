import { invalidArguments } from './argument-problems.js';
import type { OperationName } from './operations.js';
import { answers, id, takes, text, whole } from './schemas.js';
import { recordOf, textOf, type Tool } from './tool.js';

/** How many characters one answer has. Each may take 13 bytes: of a control character, in the text and beside it. */
const CHARS = 16_384;

const KINDS: Readonly<Record<string, { operation: OperationName; members: readonly string[] }>> = {
  task: { operation: 'get_task', members: ['description', 'data', 'context'] },
  session: { operation: 'get_session', members: ['result', 'error', 'metadata'] },
  approval: { operation: 'get_approval', members: ['reason', 'payload', 'notes'] },
};

export const readDetail: Tool = {
  name: 'read_detail',
  title: 'Read what another answer has cut',
  description:
    'Reads one member of a task, a session or an approval whole, part after part. Use it when another tool names the member in cut. An object is read as its JSON.',
  kind: 'read',
  input: takes(
    {
      id: id('task-<uuid>, session-<uuid> or approval-<uuid>, with the prefix.'),
      member: text(
        'Of a task: description, data, context; of a session: result, error, metadata; of an approval: reason, payload, notes.',
        {
          enum: Object.values(KINDS).flatMap(({ members }) => members),
        },
      ),
      offset: whole(
        'Where to go on: the next_offset of the part before. Default: 0.',
        0,
        100_000_000,
      ),
    },
    ['id', 'member'],
  ),
  output: answers({
    text: text('The part.'),
    next_offset: {
      type: ['integer', 'null'],
      description: 'Where the next part begins; null: that was all.',
    },
    total_chars: whole('How many characters all of it has.', 0, 100_000_000),
  }),
  async run(mesh, args) {
    const [prefix = ''] = textOf(args.id).split('-');
    const member = textOf(args.member);
    const kind = Object.hasOwn(KINDS, prefix) ? KINDS[prefix] : undefined;
    if (!kind) throw invalidArguments('arguments/id must begin with task-, session- or approval-');
    if (!kind.members.includes(member)) {
      throw invalidArguments(
        `arguments/member of a ${prefix} must be one of ${kind.members.join(', ')}`,
      );
    }
    const { body } = await mesh.call(kind.operation, { id: textOf(args.id) });
    const value = recordOf(body)[member] ?? '';
    const whole = typeof value === 'string' ? value : JSON.stringify(value);
    const start = typeof args.offset === 'number' ? args.offset : 0;
    const end = endOfPart(whole, start);
    const next_offset = end < whole.length ? end : null;
    return {
      text:
        next_offset === null ? `The end of ${member}.` : `More of ${member} from ${next_offset}.`,
      content: { text: whole.slice(start, end), next_offset, total_chars: whole.length },
    };
  },
};

/** Where a part ends: not in the middle of a surrogate pair. */
function endOfPart(whole: string, start: number): number {
  const end = Math.min(whole.length, start + CHARS);
  return end < whole.length && /[\ud800-\udbff]/.test(whole.charAt(end - 1)) ? end - 1 : end;
}
