import { isRecord } from '../common/is-record.js';
import { A2aRefusal } from './a2a-failure.js';
import type { Operation } from './a2a-parameters.js';

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

const NUMBERS = ['pageSize', 'page_size', 'historyLength', 'history_length'];
const FLAGS = ['includeArtifacts', 'include_artifacts'];

/** Converts the texts of a query to the types of the parameters. A text without such a value stays a text. */
function typedQuery(query: unknown): Record<string, unknown> {
  const entries = Object.entries(isRecord(query) ? query : {});
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (
        NUMBERS.includes(name) &&
        typeof value === 'string' &&
        /^(0|-?[1-9]\d{0,14})$/.test(value)
      )
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
