import { applyDecorators } from '@nestjs/common';
import { ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { type ErrorCode, statusOf, titleOf } from '../errors/error-codes.js';
import { problemOf } from '../errors/problem.js';
import { ProblemDto } from '../errors/problem.dto.js';

/** Errors that every route can return. */
const EVERY: readonly ErrorCode[] = ['request.invalid', 'request.malformed', 'server.error'];

/** Errors that every authenticated route can return. */
const ALWAYS: readonly ErrorCode[] = [
  ...EVERY,
  'request.rate_limited',
  'auth.token_missing',
  'auth.token_invalid',
  'auth.token_expired',
  'auth.keys_unavailable',
  'database.unavailable',
  'server.overloaded',
];

/** Further errors of a route that accepts a body and an `Idempotency-Key`. */
const WRITES: readonly ErrorCode[] = [
  'request.timeout',
  'request.too_large',
  'request.media_type',
  'auth.role_not_held',
  'idempotency.in_progress',
  'idempotency.payload_mismatch',
  'database.commit_unknown',
];

/** Documents the errors of a route that accepts a body. */
export function ApiWriteProblems(...codes: ErrorCode[]): MethodDecorator & ClassDecorator {
  return ApiProblems(...WRITES, ...codes);
}

/** Documents the errors of a route, with those of every route, grouped by status. */
export function ApiProblems(...codes: ErrorCode[]): MethodDecorator & ClassDecorator {
  return problemResponses([...ALWAYS, ...codes]);
}

/** Documents the errors of a route without a bearer token, grouped by status. */
export function ApiPublicProblems(...codes: ErrorCode[]): MethodDecorator & ClassDecorator {
  return problemResponses([...EVERY, ...codes]);
}

function problemResponses(codes: readonly ErrorCode[]): MethodDecorator & ClassDecorator {
  const all = [...new Set(codes)];
  const statuses = [...new Set(all.map(statusOf))];
  return applyDecorators(
    ...statuses.map((status) => {
      const group = all.filter((code) => statusOf(code) === status);
      return ApiResponse({
        status,
        description: group.map(titleOf).join('; '),
        content: problemContent(group),
      });
    }),
  );
}

/** Returns the content of an error response: a problem document with one of the codes. */
export function problemContent(codes: readonly ErrorCode[]) {
  return {
    'application/problem+json': {
      schema: { $ref: getSchemaPath(ProblemDto) },
      examples: Object.fromEntries(codes.map((code) => [code, example(code)])),
    },
  };
}

function example(code: ErrorCode) {
  return { summary: titleOf(code), value: problemOf(code, `${titleOf(code)}.`) };
}
