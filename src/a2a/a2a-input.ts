import { isRecord } from '../common/is-record.js';
import type { InputProblem } from '../errors/domain-error.js';
import { A2aRefusal } from './a2a-failure.js';

/**
 * Checks a value as ProtoJSON of the protocol. The SDK converts values of other types, so `{"messageId": {}}` would become
 * the text `[object Object]`.
 */
type Check = (value: unknown, at: string) => InputProblem[];

const MAX_PAGE_SIZE = 100;
const MAX_INT32 = 2 ** 31 - 1;
/** Number of problems that an error lists. */
const MAX_PROBLEMS = 20;

const rule =
  (message: string, isValid: (value: unknown) => boolean): Check =>
  (value, at) =>
    isValid(value) ? [] : [{ pointer: at, message: `${at} must be ${message}` }];

const TEXT = rule('a string', (value) => typeof value === 'string');
const NAME = rule(
  'a string that is not empty',
  (value) => typeof value === 'string' && value !== '',
);
/** An idempotency key. */
const MESSAGE_ID = rule(
  'a string of 1 to 255 visible ASCII characters without spaces and commas',
  (value) => typeof value === 'string' && /^[!-+.-~-]{1,255}$/.test(value),
);
const FLAG = rule('true or false', (value) => typeof value === 'boolean');
const OBJECT = rule('a JSON object', isRecord);
const ANY: Check = () => [];
const TIME = rule(
  'a time such as 2026-01-31T12:00:00Z',
  (value) => typeof value === 'string' && TIMESTAMP.test(value) && !Number.isNaN(Date.parse(value)),
);
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

const integer = (min: number, max: number): Check =>
  rule(
    `a whole number from ${min} to ${max}`,
    (value) => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
  );

const oneOf = (...names: readonly string[]): Check =>
  rule(`one of ${names.join(', ')}`, (value) => typeof value === 'string' && names.includes(value));

const listOf =
  (check: Check, min = 0): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return [{ pointer: at, message: `${at} must be a list` }];
    if (value.length < min) return [{ pointer: at, message: `${at} must not be empty` }];
    return value.flatMap((item, index) => check(item, `${at}[${index}]`));
  };

/** An object with these members. Others are ignored, as the protocol requires. */
function shape(members: Readonly<Record<string, Check>>, ...required: readonly string[]): Check {
  return (value, at) => {
    if (!isRecord(value)) {
      const name = at === '' ? 'the parameters' : at;
      return [{ pointer: at, message: `${name} must be a JSON object` }];
    }
    const missing = required
      .filter((name) => value[name] === undefined || value[name] === null)
      .map((name) => ({ pointer: below(at, name), message: `${below(at, name)} is required` }));
    const wrong = Object.entries(members).flatMap(([name, check]) => {
      const member = value[name];
      return member === undefined || member === null ? [] : check(member, below(at, name));
    });
    return [...missing, ...wrong];
  };
}

function below(at: string, name: string): string {
  return at === '' ? name : `${at}.${name}`;
}

const CONTENTS = ['text', 'raw', 'url', 'data'];

const PART: Check = (value, at) => {
  const problems = PART_MEMBERS(value, at);
  if (problems.length > 0 || !isRecord(value)) return problems;
  const given = CONTENTS.filter((name) => value[name] !== undefined);
  return given.length === 1
    ? []
    : [{ pointer: at, message: `${at} must have exactly one of ${CONTENTS.join(', ')}` }];
};

const BASE64 = rule(
  'base64',
  (value) => typeof value === 'string' && /^[\w+/-]*={0,2}$/.test(value),
);

const PART_MEMBERS = shape({
  text: TEXT,
  raw: BASE64,
  url: TEXT,
  data: ANY,
  metadata: OBJECT,
  filename: TEXT,
  mediaType: TEXT,
});

const MESSAGE = shape(
  {
    messageId: MESSAGE_ID,
    contextId: TEXT,
    taskId: TEXT,
    role: oneOf('ROLE_USER'),
    parts: listOf(PART, 1),
    metadata: OBJECT,
    extensions: listOf(TEXT),
    referenceTaskIds: listOf(TEXT),
  },
  'messageId',
  'role',
  'parts',
);

const PUSH_MEMBERS = {
  tenant: TEXT,
  id: TEXT,
  taskId: TEXT,
  url: NAME,
  token: TEXT,
  authentication: shape({ scheme: NAME, credentials: TEXT }, 'scheme'),
};

const SEND = shape(
  {
    tenant: TEXT,
    message: MESSAGE,
    configuration: shape({
      acceptedOutputModes: listOf(TEXT),
      taskPushNotificationConfig: shape(PUSH_MEMBERS, 'url'),
      historyLength: integer(0, MAX_INT32),
      returnImmediately: FLAG,
    }),
    metadata: OBJECT,
  },
  'message',
);

const TASK_STATES = [
  'TASK_STATE_UNSPECIFIED',
  'TASK_STATE_SUBMITTED',
  'TASK_STATE_WORKING',
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_INPUT_REQUIRED',
  'TASK_STATE_REJECTED',
  'TASK_STATE_AUTH_REQUIRED',
] as const;

const OF_TASK = { tenant: TEXT, id: NAME };
const OF_CONFIG = { tenant: TEXT, taskId: NAME, id: NAME };

/** The parameters of the operations, by their names in JSON-RPC. */
const PARAMETERS = {
  SendMessage: SEND,
  SendStreamingMessage: SEND,
  GetTask: shape({ ...OF_TASK, historyLength: integer(0, MAX_INT32) }, 'id'),
  ListTasks: shape({
    tenant: TEXT,
    contextId: TEXT,
    status: oneOf(...TASK_STATES),
    pageSize: integer(1, MAX_PAGE_SIZE),
    pageToken: TEXT,
    historyLength: integer(0, MAX_INT32),
    statusTimestampAfter: TIME,
    includeArtifacts: FLAG,
  }),
  CancelTask: shape({ ...OF_TASK, metadata: OBJECT }, 'id'),
  SubscribeToTask: shape(OF_TASK, 'id'),
  CreateTaskPushNotificationConfig: shape(PUSH_MEMBERS, 'taskId', 'url'),
  GetTaskPushNotificationConfig: shape(OF_CONFIG, 'taskId', 'id'),
  ListTaskPushNotificationConfigs: shape(
    { tenant: TEXT, taskId: NAME, pageSize: integer(0, MAX_INT32), pageToken: TEXT },
    'taskId',
  ),
  DeleteTaskPushNotificationConfig: shape(OF_CONFIG, 'taskId', 'id'),
  GetExtendedAgentCard: shape({ tenant: TEXT }),
} as const satisfies Record<string, Check>;

export type Operation = keyof typeof PARAMETERS;

export function isOperation(name: string): name is Operation {
  return Object.hasOwn(PARAMETERS, name);
}

/** @throws A2aRefusal that names each wrong parameter */
export function assertParameters(operation: Operation, parameters: unknown): void {
  const problems = PARAMETERS[operation](parameters, '').slice(0, MAX_PROBLEMS);
  if (problems.length === 0) return;
  throw new A2aRefusal('params', problems.map(({ message }) => message).join('; '), problems);
}

/** A request in JSON-RPC 2.0. */
export interface Envelope {
  readonly id: string | number | null;
  readonly method: string;
  readonly params: unknown;
}

/** @throws A2aRefusal if the body is not a request in JSON-RPC 2.0 */
export function parseEnvelope(body: unknown): Envelope {
  if (!isRecord(body)) {
    throw new A2aRefusal('envelope', 'The body must be one JSON-RPC 2.0 request, not a batch.');
  }
  const { jsonrpc, method, id = null, params } = body;
  if (jsonrpc !== '2.0') throw new A2aRefusal('envelope', 'jsonrpc must be "2.0".');
  if (!isRequestId(id)) {
    throw new A2aRefusal('envelope', 'id must be a string, a whole number or null.');
  }
  if (typeof method !== 'string' || method === '') {
    throw new A2aRefusal('envelope', 'method must be a string.');
  }
  return { id, method, params };
}

/** Returns the id of a request in JSON-RPC, for its error; null if it has none. */
export function requestIdOf(body: unknown): string | number | null {
  return isRecord(body) && isRequestId(body.id) ? body.id : null;
}

function isRequestId(id: unknown): id is string | number | null {
  return id === null || typeof id === 'string' || (typeof id === 'number' && Number.isInteger(id));
}

const REST_OPERATIONS: readonly (readonly [RegExp, Operation])[] = [
  [/^POST \/message:send$/, 'SendMessage'],
  [/^POST \/message:stream$/, 'SendStreamingMessage'],
  [/^GET \/tasks$/, 'ListTasks'],
  [/^GET \/tasks\/[^/:]+$/, 'GetTask'],
  [/^POST \/tasks\/[^/:]+:cancel$/, 'CancelTask'],
  [/^(?:POST|GET) \/tasks\/[^/:]+:subscribe$/, 'SubscribeToTask'],
  [/^POST \/tasks\/[^/:]+\/pushNotificationConfigs$/, 'CreateTaskPushNotificationConfig'],
  [/^GET \/tasks\/[^/:]+\/pushNotificationConfigs$/, 'ListTaskPushNotificationConfigs'],
  [/^GET \/tasks\/[^/:]+\/pushNotificationConfigs\/[^/]+$/, 'GetTaskPushNotificationConfig'],
  [/^DELETE \/tasks\/[^/:]+\/pushNotificationConfigs\/[^/]+$/, 'DeleteTaskPushNotificationConfig'],
  [/^GET \/extendedAgentCard$/, 'GetExtendedAgentCard'],
];

/** Returns the operation of a request in HTTP+JSON, by its method and its path below the URL of the interface. */
export function restOperationOf(method: string, path: string): Operation | undefined {
  return REST_OPERATIONS.find(([pattern]) => pattern.test(`${method} ${path}`))?.[1];
}

/** The ids in the path of a task, and of a push notification configuration. */
const IDS = /^\/tasks\/([^/:]+)(?::\w+)?(?:\/pushNotificationConfigs(?:\/([^/]+))?)?$/;

/** Returns the parameters of a request in HTTP+JSON: its body or query, and the ids in its path. */
export function restParametersOf(
  operation: Operation,
  path: string,
  { method, body, query }: { method: string; body: unknown; query: unknown },
): unknown {
  const given: unknown = method === 'POST' ? (body ?? {}) : typedQuery(query);
  if (!isRecord(given)) return given;
  const [, first, second] = (IDS.exec(path) ?? []).map((id) => id && decoded(id));
  if (first === undefined) return given;
  if (!operation.includes('PushNotification')) return { ...given, id: first };
  return { ...given, taskId: first, ...(second !== undefined && { id: second }) };
}

/** Decodes a segment of a path. One that is not valid names nothing. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const NUMBERS = ['pageSize', 'historyLength'];
const FLAGS = ['includeArtifacts'];

/** Converts the texts of a query to the types of the parameters. A text without such a value stays a text. */
function typedQuery(query: unknown): Record<string, unknown> {
  const entries = Object.entries(isRecord(query) ? query : {});
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (NUMBERS.includes(name) && typeof value === 'string' && /^-?\d{1,15}$/.test(value))
        return [name, Number(value)];
      if (FLAGS.includes(name) && (value === 'true' || value === 'false'))
        return [name, value === 'true'];
      return [name, value];
    }),
  );
}

/** The header with the version of the protocol. */
export const A2A_VERSION = 'a2a-version';

/** @throws A2aRefusal if the version is not 1.0. No version means 0.3 (A2A 1.0, section 3.6.2) */
export function assertVersion(header: string | readonly string[] | undefined): void {
  const given = typeof header === 'string' ? header.trim() : '';
  if (/^1\.0(\.\d+)?$/.test(given)) return;
  throw new A2aRefusal(
    'version',
    `This agent supports version 1.0 of the protocol. Send the header A2A-Version: 1.0${given === '' ? ', because a request without it has version 0.3' : ''}.`,
  );
}
