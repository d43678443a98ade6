import type { ServerResponse } from 'node:http';
import { DomainError, type InputProblem } from '../errors/domain-error.js';
import { type ErrorCode, ERRORS, statusOf } from '../errors/error-codes.js';
import { asDomainError } from '../errors/problem.filter.js';
import { MeshError } from '../mcp/tools/mesh-client.js';

/** The protocol bindings of an agent. */
export type Binding = 'jsonrpc' | 'rest';

/** An error of the protocol (A2A 1.0, section 5.4). */
interface ErrorKind {
  /** Code in JSON-RPC. */
  readonly code: number;
  /** HTTP status in HTTP+JSON. */
  readonly status: number;
  /** Name in `google.rpc.Code`. */
  readonly rpc: string;
  /** `reason` of `google.rpc.ErrorInfo`. */
  readonly reason: string;
}

/** Refuses a request with an error of the protocol. */
export class A2aRefusal extends Error {
  override readonly name = 'A2aRefusal';

  constructor(
    readonly kind: keyof typeof KINDS,
    message: string,
    readonly problems: readonly InputProblem[] = [],
  ) {
    super(message);
  }
}

const KINDS = {
  parse: { code: -32700, status: 400, rpc: 'INVALID_ARGUMENT', reason: 'PARSE_ERROR' },
  envelope: { code: -32600, status: 400, rpc: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST' },
  method: { code: -32601, status: 404, rpc: 'NOT_FOUND', reason: 'METHOD_NOT_FOUND' },
  params: { code: -32602, status: 400, rpc: 'INVALID_ARGUMENT', reason: 'INVALID_PARAMS' },
  not_found: { code: -32001, status: 404, rpc: 'NOT_FOUND', reason: 'TASK_NOT_FOUND' },
  not_cancelable: {
    code: -32002,
    status: 409,
    rpc: 'FAILED_PRECONDITION',
    reason: 'TASK_NOT_CANCELABLE',
  },
  push: {
    code: -32003,
    status: 400,
    rpc: 'UNIMPLEMENTED',
    reason: 'PUSH_NOTIFICATION_NOT_SUPPORTED',
  },
  unsupported: { code: -32004, status: 400, rpc: 'UNIMPLEMENTED', reason: 'UNSUPPORTED_OPERATION' },
  content_type: {
    code: -32005,
    status: 415,
    rpc: 'INVALID_ARGUMENT',
    reason: 'CONTENT_TYPE_NOT_SUPPORTED',
  },
  version: { code: -32009, status: 400, rpc: 'UNIMPLEMENTED', reason: 'VERSION_NOT_SUPPORTED' },
} as const satisfies Record<string, ErrorKind>;

/** Errors of the controller that the protocol has an error for. */
const OF_PROTOCOL: Partial<Record<ErrorCode, keyof typeof KINDS>> = {
  'request.malformed': 'parse',
  'request.invalid': 'params',
  'request.media_type': 'content_type',
  'request.route_not_found': 'method',
  'request.method_not_allowed': 'method',
  'auth.role_ambiguous': 'params',
  'task.not_found': 'not_found',
  'task.delegation_loop': 'params',
  'webhook.url_refused': 'params',
  'idempotency.payload_mismatch': 'params',
};

/** Of these, the errors of a request before its operation is known. */
const OF_HTTP: readonly ErrorCode[] = [
  'request.malformed',
  'request.media_type',
  'request.route_not_found',
  'request.method_not_allowed',
];

/** Names in `google.rpc.Code` by HTTP status. */
const RPC_NAMES: Readonly<Partial<Record<number, string>>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
};

/** Code in JSON-RPC of an error that only the controller has. Its `data` contains the reason. */
const REFUSED = -32050;
const INTERNAL = -32603;

const PROTOCOL_DOMAIN = 'a2a-protocol.org';
const OWN_DOMAIN = 'agent-mesh-controller';

/** An error in the form of the protocol. */
export interface A2aFailure extends ErrorKind {
  readonly message: string;
  /** The API error; `a2a.<reason>` if there is none. For the metric and the log. */
  readonly outcome: string;
  readonly details: readonly object[];
  /** Whether HTTP refuses the request, before its operation is known or because of the caller. */
  readonly isOfHttp: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** Converts any error into an error of the protocol. */
export function toFailure(error: unknown): A2aFailure {
  if (error instanceof A2aRefusal) {
    const kind = KINDS[error.kind];
    const details = detailsOf(kind.reason, PROTOCOL_DOMAIN, {}, error.problems);
    return {
      ...kind,
      message: error.message,
      outcome: kind.reason.toLowerCase(),
      details,
      isOfHttp: false,
      headers: {},
    };
  }
  if (error instanceof MeshError) {
    const { code, detail, errors } = error.problem;
    const known = isErrorCode(code) ? code : 'server.error';
    return ofApi(new DomainError(known, detail, errors && { errors }));
  }
  return ofApi(asDomainError(error));
}

function ofApi({ code, detail, extras }: DomainError): A2aFailure {
  const { errors = [], headers = {}, retryAfter } = extras;
  const kind = OF_PROTOCOL[code];
  const own = ownKind(code);
  const reason = kind === undefined ? own.reason : KINDS[kind].reason;
  const domain = kind === undefined ? OWN_DOMAIN : PROTOCOL_DOMAIN;
  const metadata: Record<string, string> = kind === undefined ? { code } : {};
  const isOfHttp = kind === undefined || OF_HTTP.includes(code);
  return {
    ...(kind === undefined ? own : KINDS[kind]),
    ...(isOfHttp && { status: own.status }),
    message: detail,
    isOfHttp,
    outcome: code,
    details: detailsOf(reason, domain, metadata, errors),
    headers: {
      ...headers,
      ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
    },
  };
}

function ownKind(code: ErrorCode): ErrorKind {
  const status = statusOf(code);
  return {
    code: status >= 500 ? INTERNAL : REFUSED,
    status,
    rpc: RPC_NAMES[status] ?? (status >= 500 ? 'INTERNAL' : 'FAILED_PRECONDITION'),
    reason: code.toUpperCase().replaceAll('.', '_'),
  };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** Returns the details of an error (google.rpc.ErrorInfo and google.rpc.BadRequest). */
function detailsOf(
  reason: string,
  domain: string,
  metadata: Record<string, string>,
  problems: readonly InputProblem[],
): object[] {
  const violations = problems.map(({ pointer, message }) => ({
    field: pointer,
    description: message,
  }));
  return [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason,
      domain,
      ...(Object.keys(metadata).length > 0 && { metadata }),
    },
    ...(violations.length > 0
      ? [
          {
            '@type': 'type.googleapis.com/google.rpc.BadRequest',
            fieldViolations: violations,
          },
        ]
      : []),
  ];
}

/**
 * Sends an error in the form of a binding. In JSON-RPC the HTTP status is 200, unless HTTP itself refuses the request.
 */
export function writeFailure(
  response: ServerResponse,
  { binding, id }: { binding: Binding; id: string | number | null },
  failure: A2aFailure,
): void {
  const { code, status, rpc, message, details } = failure;
  for (const [name, value] of Object.entries(failure.headers)) response.setHeader(name, value);
  if (binding === 'rest') {
    response.statusCode = status;
    response.setHeader('Content-Type', 'application/a2a+json');
    response.end(JSON.stringify({ error: { code: status, status: rpc, message, details } }));
    return;
  }
  response.statusCode = failure.isOfHttp ? status : 200;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data: details } }));
}
