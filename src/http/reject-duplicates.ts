import type { Request, RequestHandler } from 'express';
import { DomainError, type InputProblem, InvalidInputError } from '../errors/domain-error.js';
import { isHost } from './host.js';
import { repeatedHeaders } from './repeated-headers.js';

/**
 * What Node keeps the first of, or joins, when it is sent twice: whoever stands in front may have read the other one.
 * `Authorization` is looked at where the token is read.
 */
const SINGULAR = ['Host', 'Content-Type', 'Idempotency-Key', 'If-Match'] as const;

/** Refuses requests that two readers may read differently: headers and query parameters that are sent more than once. */
export const rejectDuplicates: RequestHandler = (request, _response, next) => {
  const repeated = repeatedHeaders(request, SINGULAR).map((name) => ({
    pointer: name,
    message: `${name} must be sent once`,
  }));
  const problems = [...repeated, ...hostProblems(request), ...queryProblems(request)];
  if (problems.length > 0) throw new InvalidInputError(problems);
  next();
};

/** The host is repeated in answers, so it has to be one (RFC 9112 section 3.2). */
function hostProblems(request: Request): InputProblem[] {
  const { host } = request.headers;
  const hosts = { Host: host, 'X-Forwarded-Host': request.host } as Record<
    string,
    string | undefined
  >;
  const [pointer] = Object.keys(hosts).filter((name) => !isHost(hosts[name] ?? ''));
  return pointer === undefined
    ? []
    : [{ pointer, message: `${pointer} must be a host with or without a port (RFC 3986)` }];
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
    .map((name) => ({ pointer: `?${name.slice(0, 100)}`, message: 'must be given once' }));
}

/** Express replaces what is not UTF-8; that would be another question than the one that was asked. */
function decode(query: string): string {
  try {
    return decodeURIComponent(query);
  } catch {
    throw new DomainError('request.malformed', 'The query is not percent-encoded UTF-8.');
  }
}
