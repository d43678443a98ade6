import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import express, { type RequestHandler } from 'express';
import { DomainError } from '../errors/domain-error.js';
import { assertShape } from './shape.js';

const LIMIT = '1mb';

/**
 * Reads JSON bodies up to 1 MiB, and nothing else: other media types, charsets and encodings are refused,
 * and so is a body that is not UTF-8 or has a shape that nothing here needs.
 */
export function jsonBody(): RequestHandler[] {
  return [
    refuseOtherMedia,
    express.json({ limit: LIMIT, inflate: false, verify: assertUtf8 }),
    checkShape,
  ];
}

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

const refuseOtherMedia: RequestHandler = (request, _response, next) => {
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

function assertUtf8(_request: IncomingMessage, _response: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw new DomainError('request.malformed', 'The body is not valid UTF-8.');
}

const checkShape: RequestHandler = (request, _response, next) => {
  const body: unknown = request.body;
  if (body !== undefined) assertShape(body);
  next();
};
