import { isRecord } from '../common/is-record.js';
import { isWebhookSecret } from '../webhooks/webhook-signature.js';
import { A2aRefusal } from './a2a-failure.js';
import {
  ANY,
  type Check,
  FLAG,
  integer,
  listOf,
  memberOf,
  NAME,
  OBJECT,
  oneOf,
  rule,
  shape,
  TEXT,
  TIME,
} from './proto-json.js';
import { isSigned } from './push-headers.js';

const MAX_PAGE_SIZE = 100;
/** Number of problems that an error lists. */
const MAX_PROBLEMS = 20;

/** An idempotency key. */
const MESSAGE_ID = rule(
  'a string of 1 to 255 visible ASCII characters without spaces and commas',
  (value) => typeof value === 'string' && /^[!-+.-~-]{1,255}$/.test(value),
);

const CONTENTS = ['text', 'raw', 'url', 'data'];

const PART: Check = (value, at) => {
  const problems = PART_MEMBERS(value, at);
  if (problems.length > 0 || !isRecord(value)) return problems;
  const given = CONTENTS.filter((name) => memberOf(value, name) !== undefined);
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

/** The id of a push notification configuration, which is a segment of a path. */
const CONFIG_ID = rule(
  'a string of at most 128 letters, digits and the characters . _ ~ : -',
  (value) => typeof value === 'string' && /^[\w.~:-]{0,128}$/.test(value),
);
/** A text that is the value of a header (RFC 9110, section 5.5). */
const HEADER_VALUE = rule(
  'a string of at most 4096 visible ASCII characters and spaces',
  (value) => typeof value === 'string' && /^([!-~]([ -~]{0,4094}[!-~])?)?$/.test(value),
);
const SCHEME = rule(
  'an authentication scheme such as Bearer',
  (value) => typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]{1,64}$/.test(value),
);
const ENDPOINT = rule(
  'a URL of at most 2000 characters',
  (value) => typeof value === 'string' && value.length <= 2_000 && URL.canParse(value),
);

const AUTHENTICATION_MEMBERS = shape({ scheme: SCHEME, credentials: HEADER_VALUE }, 'scheme');

const AUTHENTICATION: Check = (value, at) => {
  const problems = AUTHENTICATION_MEMBERS(value, at);
  if (problems.length > 0 || !isRecord(value)) return problems;
  const { scheme, credentials } = value;
  if (typeof scheme !== 'string' || !isSigned(scheme) || isWebhookSecret(credentials)) return [];
  const pointer = `${at}.credentials`;
  return [{ pointer, message: `${pointer} must be whsec_ and 24 to 64 bytes in Base64` }];
};

const PUSH_MEMBERS = {
  tenant: TEXT,
  id: CONFIG_ID,
  taskId: TEXT,
  url: ENDPOINT,
  token: HEADER_VALUE,
  authentication: AUTHENTICATION,
};

const SEND = shape(
  {
    tenant: TEXT,
    message: MESSAGE,
    configuration: shape({
      acceptedOutputModes: listOf(TEXT),
      taskPushNotificationConfig: shape(PUSH_MEMBERS, 'url'),
      historyLength: integer(0),
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

/** All configurations of a task are on one page. */
const NO_PAGE = rule('empty', (value) => value === '');

const OF_TASK = { tenant: TEXT, id: NAME };
const OF_CONFIG = { tenant: TEXT, taskId: NAME, id: CONFIG_ID };

/** The parameters of the operations, by their names in JSON-RPC. */
const PARAMETERS = {
  SendMessage: SEND,
  SendStreamingMessage: SEND,
  GetTask: shape({ ...OF_TASK, historyLength: integer(0) }, 'id'),
  ListTasks: shape({
    tenant: TEXT,
    contextId: TEXT,
    status: oneOf(...TASK_STATES),
    pageSize: integer(1, MAX_PAGE_SIZE),
    pageToken: TEXT,
    historyLength: integer(0),
    statusTimestampAfter: TIME,
    includeArtifacts: FLAG,
  }),
  CancelTask: shape({ ...OF_TASK, metadata: OBJECT }, 'id'),
  SubscribeToTask: shape(OF_TASK, 'id'),
  CreateTaskPushNotificationConfig: shape(PUSH_MEMBERS, 'taskId', 'url'),
  GetTaskPushNotificationConfig: shape(OF_CONFIG, 'taskId', 'id'),
  ListTaskPushNotificationConfigs: shape(
    { tenant: TEXT, taskId: NAME, pageSize: integer(0), pageToken: NO_PAGE },
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
