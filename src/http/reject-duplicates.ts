import type { Request, RequestHandler } from 'express';
import { DomainError, type InputProblem, InvalidInputError } from '../errors/domain-error.js';
import { isHost } from './host.js';
import { repeatedHeaders } from './repeated-headers.js';

/**
 * Headers that must be sent once. Node keeps the first value or joins them, and a proxy may have read another one.
 * `Authorization` is checked with the token.
 */
const SINGULAR = ['Host', 'Content-Type', 'Idempotency-Key', 'If-Match'] as const;

/** Refuses repeated headers and query parameters, which two parsers can read differently. */
export const rejectDuplicates: RequestHandler = (request, _response, next) => {
  const repeated = repeatedHeaders(request, SINGULAR).map((name) => ({
    pointer: name,
    message: `${name} must be sent once`,
  }));
  const problems = [...repeated, ...hostProblems(request), ...queryProblems(request)];
  if (problems.length > 0) throw new InvalidInputError(problems);
  next();
};

/** Checks the host (RFC 9112 section 3.2), because responses contain it. */
function hostProblems(request: Request): InputProblem[] {
  const { headers } = request;
  if (!isHost(headers.host ?? '')) return [notAHost('Host')];
  const isForwarded = headers['x-forwarded-host'] !== undefined;
  return isForwarded && !isHost(request.host) ? [notAHost('X-Forwarded-Host')] : [];
}

function notAHost(pointer: string): InputProblem {
  return { pointer, message: `${pointer} must be a host with or without a port (RFC 3986)` };
}

function queryProblems(request: Request): InputProblem[] {
  const [, text] = /\?(.*)$/s.exec(request.url) ?? [];
  if (text === undefined) return [];
  const { query } = request;
  const decoded = decode(text);
  if (decoded.includes('\u0000')) {
    return [{ pointer: '?', message: 'The query must not contain U+0000' }];
  }
  return Object.keys(query)
    .filter((name) => Array.isArray(query[name]))
    .map((name) => ({
      pointer: `?${name.slice(0, 100)}`,
      message: `${name.slice(0, 100)} must be sent once`,
    }));
}

/** Refuses a query that is not UTF-8. Express would replace the invalid bytes and so change the query. */
function decode(query: string): string {
  try {
    return decodeURIComponent(query);
  } catch {
    throw new DomainError('request.malformed', 'The query must be percent-encoded UTF-8.');
  }
}
