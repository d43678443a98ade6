import { Message, type Part, Role } from '@a2a-js/sdk';
import { isRecord } from '../common/is-record.js';
import { parseJson } from '../common/parse-json.js';
import type { JsonOf } from '../mcp/tools/json-of.js';
import type { RouteTaskDto } from '../tasks/dto/route-task.dto.js';
import { A2aRefusal } from './a2a-failure.js';
import type { TaskFacts } from './task-facts.js';

/** Members of the metadata of a message. */
const TASK_TYPE = 'mesh.taskType';
const FROM_ROLE = 'mesh.fromRole';

/** Type of the task of a message that names none. */
export const DEFAULT_TASK_TYPE = 'a2a_message';

const MAX_DESCRIPTION = 10_000;

/** The member of `context` of a task that contains the rest of its message. */
const CONTEXT = 'a2a';

type Json = Record<string, unknown>;

/**
 * Returns the task of a message: text parts are its description, and data parts its data. `context.a2a` contains the other
 * members of the message, so that the task has all of its content, and the history repeats it exactly.
 *
 * @throws A2aRefusal if the message has a file, or too much text
 */
export function toRoutedTask(role: string, message: Message): JsonOf<RouteTaskDto> {
  const { metadata = {}, parts, referenceTaskIds } = message;
  const taskType: unknown = metadata[TASK_TYPE] ?? DEFAULT_TASK_TYPE;
  const fromRole: unknown = metadata[FROM_ROLE];
  const [parent] = referenceTaskIds;
  return {
    target: role,
    task: { task_type: taskType, description: descriptionOf(parts), data: dataOf(parts) },
    context: { [CONTEXT]: restOf(message) },
    ...(fromRole !== undefined && { from_role: fromRole }),
    ...(parent !== undefined && { parent_task_id: parent }),
  };
}

/** @throws A2aRefusal if a part is a file */
export function assertNoFiles(parts: readonly Part[]): void {
  const file = parts.findIndex(
    ({ content }) => content?.$case === 'raw' || content?.$case === 'url',
  );
  if (file === -1) return;
  throw new A2aRefusal(
    'content_type',
    `message.parts[${file}] is a file. This agent accepts parts with text or data.`,
  );
}

function descriptionOf(parts: readonly Part[]): string {
  const text = parts.flatMap(({ content }) => (content?.$case === 'text' ? content.value : []));
  const description = text.join('\n\n');
  if (description.length <= MAX_DESCRIPTION) return description;
  throw new A2aRefusal(
    'params',
    `The text parts of message.parts must have at most ${MAX_DESCRIPTION} characters. Send more as a data part.`,
  );
}

/** One object is the data itself; several parts, or another value, are a list. */
function dataOf(parts: readonly Part[]): Json {
  const values = parts.flatMap(({ content }): unknown[] =>
    content?.$case === 'data' ? [content.value] : [],
  );
  const [first] = values;
  if (values.length === 0) return {};
  return values.length === 1 && isRecord(first) ? first : { data: values };
}

/** The members of a message that the task does not have. */
function restOf(message: Message): Json {
  const omitted = ['role', 'taskId', ...(isPlain(message.parts) ? ['parts'] : [])];
  return Object.fromEntries(
    Object.entries(jsonOf(message)).filter(([name]) => !omitted.includes(name)),
  );
}

/** Whether description and data contain everything: at most one text, then at most one object, without more members. */
function isPlain(parts: readonly Part[]): boolean {
  const cases = parts.map(({ content }) => content?.$case ?? '').join(' ');
  return (
    ['text', 'data', 'text data'].includes(cases) &&
    parts.every(
      ({ content, metadata, filename, mediaType }) =>
        metadata === undefined &&
        filename === '' &&
        mediaType === '' &&
        (content?.$case !== 'data' || isNonEmptyObject(content.value)) &&
        (content?.$case !== 'text' || content.value !== ''),
    )
  );
}

function isNonEmptyObject(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length > 0;
}

function jsonOf(message: Message): Json {
  const json = Message.toJSON(message);
  return isRecord(json) ? json : {};
}

/** Returns the message that a task was made of. A task that was not sent by A2A becomes a message of its content. */
export function firstMessageOf({ id, trace_id, task_type, description, data, context }: TaskFacts) {
  const rest = isRecord(context[CONTEXT]) ? context[CONTEXT] : {};
  const given = Array.isArray(rest.parts) ? rest.parts.filter(isPartJson) : [];
  const parts = given.length > 0 ? given : partsOf(task_type, description, data);
  const { metadata, extensions, referenceTaskIds } = rest;
  return Message.fromJSON({
    messageId: typeof rest.messageId === 'string' ? rest.messageId : id,
    contextId: trace_id,
    taskId: id,
    role: 'ROLE_USER',
    parts,
    ...(isRecord(metadata) && { metadata }),
    ...(isTexts(extensions) && { extensions }),
    ...(isTexts(referenceTaskIds) && { referenceTaskIds }),
  });
}

function partsOf(taskType: string, description: string, data: Json): Json[] {
  const parts = [
    ...(description === '' ? [] : [{ text: description }]),
    ...(Object.keys(data).length === 0 ? [] : [{ data }]),
  ];
  return parts.length > 0 ? parts : [{ text: taskType }];
}

/** Whether a stored value is a part that a message can have had. A REST client can store anything in the context. */
function isPartJson(part: unknown): boolean {
  return isRecord(part) && (typeof part.text === 'string' || part.data !== undefined);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Returns the text in which the event of a further message contains it. */
export function storedMessage(message: Message): string {
  return JSON.stringify(jsonOf(message));
}

/** Returns the further message that an event contains; undefined if it was erased. */
export function furtherMessageOf(
  text: unknown,
  { id, trace_id }: Pick<TaskFacts, 'id' | 'trace_id'>,
): Message | undefined {
  const json = typeof text === 'string' ? parseJson(text) : undefined;
  if (!isRecord(json)) return undefined;
  return Message.fromJSON({ ...json, contextId: trace_id, taskId: id, role: 'ROLE_USER' });
}

/** Returns a message of the agent about the status of a task. */
export function statusMessage(
  { id, trace_id }: Pick<TaskFacts, 'id' | 'trace_id'>,
  messageId: string,
  text: string,
): Message {
  return {
    messageId,
    contextId: trace_id,
    taskId: id,
    role: Role.ROLE_AGENT,
    parts: [
      {
        content: { $case: 'text', value: text },
        metadata: undefined,
        filename: '',
        mediaType: 'text/plain',
      },
    ],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  };
}
