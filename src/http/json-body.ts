import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import express, { type Request, type RequestHandler } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { hasBody } from '../observability/probes.js';
import {
  failTaskArguments,
  mayReportFailure,
  reportsFailure,
  withoutError,
} from './failure-report.js';
import { readGzip } from './gzip-body.js';
import { assertJsonLimits, JSON_LIMITS, tooDeep, tooManyMembers } from './json-limits.js';
import { exceededLimit, type ScanLimits } from './json-scan.js';

const LIMIT = 2 ** 20;
/** Limit for failure reports, so that a worker can send a long stack trace. */
const FAILURE_LIMIT = 8 * 2 ** 20;
/** Limit of the members of a body that reports many events. */
const REPORT_MEMBERS = 20_000;
/** Limits of a text before it is parsed. A body within them that is too deep is refused later, with the pointer. */
const SCAN: ScanLimits = { members: JSON_LIMITS.keys, depth: 1_000 };
/** Limits of a text that reports many events. */
const REPORT_SCAN: ScanLimits = { ...SCAN, members: REPORT_MEMBERS };
/** Limits of a text that can be a failure report. */
const FAILURE_SCAN: ScanLimits = { members: 20_000, depth: 100_000 };
/** Number of bodies over the ordinary limit that the process reads at the same time. */
const MAX_LARGE = 8;

const JSON_TYPE = 'application/json';

/** A media type of JSON that some routes accept besides `application/json`. */
export interface JsonMediaType {
  readonly type: string;
  isOn(path: string): boolean;
}

/**
 * Parses JSON bodies of at most 1 MiB. Refuses other media types, charsets and encodings, bodies that are not UTF-8, and
 * bodies that exceed the JSON limits. A failure report can have 8 MiB, 20,000 members and any characters: the
 * session stores the part that can be stored.
 */
export function jsonBody(...more: readonly JsonMediaType[]): RequestHandler[] {
  const types = [JSON_TYPE, ...more.map(({ type }) => type)];
  return [unlessSkipped(rejectOtherTypes(more)), unlessSkipped(readJson(types)), checkShape];
}

const skipped = new WeakSet<IncomingMessage>();

/** Leaves the body of a request unread. */
export function skipBody(request: IncomingMessage): void {
  skipped.add(request);
}

function unlessSkipped(handle: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (skipped.has(request)) next();
    else void handle(request, response, next);
  };
}

const CONTENT_TYPE = /^([^\s;]+)\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/;

function rejectOtherTypes(more: readonly JsonMediaType[]): RequestHandler {
  const accepts = (type: string, path: string): boolean =>
    type === JSON_TYPE || more.some((one) => one.type === type && one.isOn(path));
  return (request, _response, next) => {
    const { headers, path } = request;
    const [, type = ''] = CONTENT_TYPE.exec(headers['content-type']?.toLowerCase() ?? '') ?? [];
    if (hasBody(request) && !accepts(type, path)) {
      throw new DomainError('request.media_type', 'Send the body as application/json in UTF-8.');
    }
    assertEncoding(request);
    next();
  };
}

function assertEncoding(request: Request): void {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const isBatch = isReport(request);
  if (encoding === 'identity' || (isBatch && encoding === 'gzip')) return;
  throw new DomainError(
    'request.media_type',
    isBatch
      ? 'Send the body without compression, or with gzip.'
      : 'Send the body without compression.',
  );
}

/** Whether a request reports events: many at once, also compressed. */
function isReport({ method, path }: { method: string; path: string }): boolean {
  return method === 'POST' && path === '/audit/ingest';
}

/** The errors of bodies that were read with the weaker limits. They apply unless the body is a failure report. */
const rejectedBodies = new WeakMap<IncomingMessage, DomainError>();

function readJson(types: string[]): RequestHandler {
  const ordinary = express.json({
    limit: LIMIT,
    inflate: false,
    type: types,
    verify: assertParsable,
  });
  const tolerant = express.json({ limit: FAILURE_LIMIT, inflate: false, verify: recordFault });
  const compressed = readGzip(LIMIT, parseJson);
  let large = 0;
  return (request, response, next) => {
    if (isReport(request) && request.headers['content-encoding'] === 'gzip') {
      void compressed(request, response, next);
      return;
    }
    if (!mayReportFailure(request)) {
      ordinary(request, response, next);
      return;
    }
    if (isLarge(request)) {
      if (large >= MAX_LARGE) throw tooManyLarge();
      large += 1;
      response.once('close', () => {
        large -= 1;
      });
    }
    tolerant(request, response, (error?: unknown) => {
      next(isTooLarge(error) ? tooLargeFailure() : error);
    });
  };
}

function isLarge({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > LIMIT;
}

function assertParsable(request: Request, _response: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw notUtf8();
  assertScan(body, isReport(request) ? REPORT_SCAN : SCAN);
}

/** Refuses a text that would be costly to parse. */
function assertScan(body: Buffer, limits: ScanLimits): void {
  const exceeded = exceededLimit(body, limits);
  if (exceeded === 'members') throw tooManyMembers(limits.members);
  if (exceeded === 'depth') throw tooDeep();
}

/** Bytes that are not UTF-8 are read as U+FFFD. */
function recordFault(request: IncomingMessage, _response: unknown, body: Buffer): void {
  assertScan(body, FAILURE_SCAN);
  if (body.length > LIMIT) rejectedBodies.set(request, tooLarge());
  else if (!isUtf8(body)) rejectedBodies.set(request, notUtf8());
}

function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw notUtf8();
  assertScan(body, REPORT_SCAN);
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new DomainError('request.malformed', 'The body is not valid JSON.');
  }
}

function notUtf8(): DomainError {
  return new DomainError('request.malformed', 'The body is not valid UTF-8.');
}

function tooLarge(): DomainError {
  return new DomainError('request.too_large', 'The body must not exceed 1 MiB.');
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 413;
}

function tooLargeFailure(): DomainError {
  return new DomainError(
    'request.too_large',
    'The body must not exceed 1 MiB, or 8 MiB for a failure report. Only the first 10,000 characters of an error are stored: send those.',
  );
}

function tooManyLarge(): DomainError {
  const detail =
    'Too many large bodies are being read. The request was not executed: retry after the time in Retry-After.';
  return new DomainError('server.overloaded', detail, { retryAfter: 1 });
}

const checkShape: RequestHandler = (request, _response, next) => {
  const body: unknown = request.body;
  if (body !== undefined) assertBody(request, body);
  next();
};

function assertBody(request: Request, body: unknown): void {
  if (mayReportFailure(request)) {
    if (request.method === 'PUT' && reportsFailure(body)) return;
    const fault = rejectedBodies.get(request);
    if (failTaskArguments(body)) {
      // The error can have any structure: the tool stores the part that can be stored.
      assertJsonLimits(withoutError(body));
      return;
    }
    if (fault) throw fault;
  }
  assertJsonLimits(body, isReport(request) ? REPORT_MEMBERS : JSON_LIMITS.keys);
}
