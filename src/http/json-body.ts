import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import express, { type Request, type RequestHandler } from 'express';
import { DomainError } from '../errors/domain-error.js';
import {
  failTaskArguments,
  mayReportFailure,
  reportsFailure,
  withoutError,
} from './failure-report.js';
import { assertJsonLimits } from './json-limits.js';

const LIMIT = 2 ** 20;
/** A worker can always report failure, with a stack trace of any reasonable length. */
const FAILURE_LIMIT = 8 * 2 ** 20;
/** How many bodies beyond the ordinary limit a process reads at once. */
const MAX_LARGE = 8;

/**
 * Reads JSON bodies up to 1 MiB, and nothing else: other media types, charsets and encodings are refused,
 * and so is a body that is not UTF-8 or has a shape that nothing here needs. The report of a failure is read up to
 * 8 MiB, in any shape and with any characters: the session takes what can be stored.
 */
export function jsonBody(): RequestHandler[] {
  return [rejectOtherMediaTypes, readJson(), checkShape];
}

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

const rejectOtherMediaTypes: RequestHandler = (request, _response, next) => {
  const { headers } = request;
  const hasBody =
    headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (hasBody && !JSON_TYPE.test(headers['content-type'] ?? '')) {
    throw new DomainError('request.media_type', 'Send the body as application/json in UTF-8.');
  }
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw new DomainError('request.media_type', 'Send the body without compression.');
  }
  next();
};

/** What is wrong with the bodies that were read tolerantly, unless they report a failure. */
const rejectedBodies = new WeakMap<IncomingMessage, DomainError>();

function readJson(): RequestHandler {
  const ordinary = express.json({ limit: LIMIT, inflate: false, verify: assertUtf8 });
  const tolerant = express.json({ limit: FAILURE_LIMIT, inflate: false, verify: recordFault });
  let large = 0;
  return (request, response, next) => {
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

function assertUtf8(_request: IncomingMessage, _response: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw notUtf8();
}

/** What is not UTF-8 is read with U+FFFD in its place. */
function recordFault(request: IncomingMessage, _response: unknown, body: Buffer): void {
  if (body.length > LIMIT) rejectedBodies.set(request, tooLarge());
  else if (!isUtf8(body)) rejectedBodies.set(request, notUtf8());
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
    'The body must not exceed 1 MiB, or 8 MiB to report a failure. The first 10,000 characters of an error are kept: send those.',
  );
}

function tooManyLarge(): DomainError {
  const detail = 'Too many large bodies are being read; nothing happened.';
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
      // Its error may have any shape; its tool takes what can be stored.
      assertJsonLimits(withoutError(body));
      return;
    }
    if (fault) throw fault;
  }
  assertJsonLimits(body);
}
