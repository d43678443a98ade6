import type { OpenAPIObject } from '@nestjs/swagger';
import { ERRORS, type ErrorCode, statusOf, titleOf } from '../errors/error-codes.js';
import { type Operation, operationsOf } from './operations.js';

type Response = NonNullable<Operation['responses'][string]>;
type Responses = NonNullable<NonNullable<OpenAPIObject['components']>['responses']>;

const PROBLEM_JSON = 'application/problem+json';

/** The shared error responses by status: the name of the component, and the meaning for a client. */
const SHARED: Readonly<Record<number, readonly [name: string, description: string]>> = {
  400: ['BadRequest', 'The request is not valid. `errors` lists the problems to correct.'],
  401: ['Unauthorized', 'The token is missing, not valid or expired. Get a new one.'],
  403: ['Forbidden', 'The caller lacks a role, or a rule excludes the caller.'],
  404: ['NotFound', 'The resource does not exist, or the caller cannot see it.'],
  408: ['RequestTimeout', 'The body did not arrive in time. Send the request again.'],
  409: ['Conflict', 'The present state does not allow the request. Read the resource.'],
  410: [
    'Gone',
    'The cursor is beyond the end of its epoch, or the events are archived. Continue at `oldest`, if the response has it.',
  ],
  412: ['PreconditionFailed', '`If-Match` is not the present version. Read the resource again.'],
  413: ['ContentTooLarge', 'The body is too large.'],
  415: ['UnsupportedMediaType', 'The body is not JSON.'],
  422: ['UnprocessableContent', 'The request contradicts an earlier one, or the stored state.'],
  429: ['TooManyRequests', 'A limit is reached. Wait for `Retry-After` seconds.'],
  500: ['InternalServerError', 'An internal error. A keyed request can be sent again.'],
  503: ['ServiceUnavailable', 'Not available now. Wait for `Retry-After` seconds.'],
};

/**
 * Replaces the error responses of all operations by references to shared ones, and lists the error codes of each operation
 * as a table in its description.
 */
export function shareProblems(document: OpenAPIObject): OpenAPIObject {
  for (const { operation } of operationsOf(document)) {
    const { responses } = operation;
    const codes = Object.entries(responses).flatMap(([status, response]) => {
      const found = takeCodes(response);
      if (found.length > 0 && isOnlyProblem(response)) responses[status] = reference(status);
      return found;
    });
    if (codes.length > 0)
      operation.description = `${operation.description ?? ''}\n\n${toTable(codes)}`;
  }
  return { ...document, components: { ...document.components, responses: sharedResponses() } };
}

/** Returns the codes whose examples a response contains, and removes the examples. */
function takeCodes(response: Response | undefined): ErrorCode[] {
  const problem = contentOf(response)[PROBLEM_JSON];
  const codes = Object.keys(problem?.examples ?? {}).filter(isErrorCode);
  delete problem?.examples;
  return codes;
}

function contentOf(response: Response | undefined) {
  return response && 'content' in response ? (response.content ?? {}) : {};
}

function isOnlyProblem(response: Response | undefined): boolean {
  return Object.keys(contentOf(response)).length === 1;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function reference(status: string): Response {
  const [name] = SHARED[Number(status)] ?? [];
  if (name === undefined) throw new Error(`There is no shared response for the status ${status}`);
  return { $ref: `#/components/responses/${name}` };
}

function toTable(codes: readonly ErrorCode[]): string {
  const rows = codes
    .map((code) => ({ code, status: statusOf(code) }))
    .sort((a, b) => a.status - b.status)
    .map(({ code, status }) => `| ${status} | \`${code}\` | ${titleOf(code)} |`);
  return ['| status | error code | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

function sharedResponses(): Responses {
  return Object.fromEntries(
    Object.values(SHARED).map(([name, description]) => [
      name,
      {
        description,
        content: { [PROBLEM_JSON]: { schema: { $ref: '#/components/schemas/ProblemDto' } } },
      },
    ]),
  );
}

/** Returns the shared error responses of a document, with the status of each. */
export function sharedResponsesOf({ components }: OpenAPIObject): [number, Response][] {
  return Object.entries(SHARED).flatMap(([status, [name]]): [number, Response][] => {
    const response = components?.responses?.[name];
    return response ? [[Number(status), response]] : [];
  });
}
