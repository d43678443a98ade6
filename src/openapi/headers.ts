import type { OpenAPIObject } from '@nestjs/swagger';
import { isProbePath } from '../observability/probes.js';
import { type Operation, operationsOf } from './operations.js';
import { sharedResponsesOf } from './problems.js';

type Response = NonNullable<Operation['responses'][string]>;
type Headers = NonNullable<NonNullable<OpenAPIObject['components']>['headers']>;

/** The headers of responses by the name of their component. */
const COMPONENTS = {
  'X-Trace-Id': {
    description: 'The trace of the request: the one that the request names, otherwise a new one.',
    required: true,
    schema: { type: 'string', format: 'uuid' },
  },
  RateLimit: {
    description:
      'The remaining quota, and the seconds until it is full again; absent with `RATE_LIMIT_ENABLED=false` (draft-ietf-httpapi-ratelimit-headers).',
    schema: { type: 'string', example: '"subject";r=5999;t=60' },
  },
  'RateLimit-Policy': {
    description: 'The quota, and its window in seconds.',
    schema: { type: 'string', example: '"subject";q=6000;w=60' },
  },
  'WWW-Authenticate': {
    description:
      'The challenge of RFC 6750. Of `/mcp` it has `resource_metadata` (RFC 9728) as well.',
    required: true,
    schema: { type: 'string', pattern: '^Bearer' },
  },
  'Retry-After': {
    description: 'Send the request again after this number of seconds (RFC 9110).',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  },
  'Retry-After-In-Progress': {
    description:
      'Of `idempotency.in_progress` and `audit.not_sealed`: send the request again after this many seconds.',
    schema: { type: 'integer', minimum: 1 },
  },
  'Idempotency-Key': {
    description: 'The `Idempotency-Key` of the request.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  'Idempotent-Replayed': {
    description:
      '`true`: the request was executed before. This is its first response, and nothing was executed now.',
    schema: { type: 'string', enum: ['true'] },
  },
  ETag: {
    description: 'The present version of the resource.',
    required: true,
    schema: { type: 'string', pattern: '^"[^"]+"$' },
  },
  'Mesh-Audit-Head': {
    description:
      'The newest signed head of the sealed audit log: size, root, and signature with key id, the last two in base64 (C2SP signed-note). Sent with responses about approvals, with `AUDIT_HEAD_HEADER=all` with all that require a token. Keep it: a later log that does not extend it was changed.',
    schema: { type: 'string', pattern: '^[0-9]+ [A-Za-z0-9+/=]+ [A-Za-z0-9+/=]+$' },
  },
  'Mcp-Session-Id': {
    description:
      'Of the response to `initialize`: a label for the client, which sends it with its further requests.',
    schema: { type: 'string', format: 'uuid' },
  },
} satisfies Headers;

type Component = keyof typeof COMPONENTS;

/** Declares the headers that responses have whatever their route does. */
export function declareHeaders(document: OpenAPIObject): OpenAPIObject {
  for (const { path, operation } of operationsOf(document)) declareOf(path, operation);
  for (const [status, response] of sharedResponsesOf(document))
    declare(response, ofProblem(status));
  return { ...document, components: { ...document.components, headers: { ...COMPONENTS } } };
}

function declareOf(path: string, operation: Operation): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response) declare(response, componentsOf(path, operation, Number(status)));
  }
}

function declare(response: Response, components: readonly Component[]): void {
  if ('$ref' in response) return;
  const common = Object.fromEntries(
    components.map((component) => [
      component.replace('-In-Progress', ''),
      { $ref: `#/components/headers/${component}` },
    ]),
  );
  response.headers = { ...common, ...response.headers };
}

/** The headers of a shared error response. Those that some operations do not send are optional. */
function ofProblem(status: number): Component[] {
  return [
    ...([
      'X-Trace-Id',
      'RateLimit',
      'RateLimit-Policy',
      'Mesh-Audit-Head',
      'Idempotency-Key',
    ] as const),
    ...when(status === 401, 'WWW-Authenticate'),
    ...when(status === 429 || status === 503, 'Retry-After'),
    ...when(status === 409, 'Retry-After-In-Progress'),
    ...when(status === 412, 'ETag'),
  ];
}

function componentsOf(path: string, operation: Operation, status: number): Component[] {
  const isKeyed = takesKey(operation);
  return [
    'X-Trace-Id',
    ...when(!isExempt(path, status), 'RateLimit', 'RateLimit-Policy'),
    ...when(!isPublic(operation), 'Mesh-Audit-Head'),
    ...when(isKeyed, 'Idempotency-Key'),
    ...when(isKeyed && status < 300, 'Idempotent-Replayed'),
    ...when(path === '/mcp' && status === 200, 'Mcp-Session-Id'),
  ];
}

/** Whether a response has no quota: an answered probe, and every response to a probe without a token. */
function isExempt(path: string, status: number): boolean {
  return isProbePath(path) && (path !== '/metrics' || status < 300);
}

function isPublic({ security }: Operation): boolean {
  return security?.length === 0;
}

function takesKey({ parameters = [] }: Operation): boolean {
  return parameters.some(
    (parameter) => 'name' in parameter && parameter.name === 'Idempotency-Key',
  );
}

function when(condition: boolean, ...components: Component[]): Component[] {
  return condition ? components : [];
}
