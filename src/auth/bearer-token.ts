import type { IncomingMessage } from 'node:http';
import { ExtractJwt } from 'passport-jwt';
import type { Environment } from '../config/environment.js';
import { repeatedHeaders } from '../http/repeated-headers.js';
import { tokenInvalid, tokenMissing } from './token-errors.js';

const MAX_TOKEN_BYTES = 8192;
const BEARER = /^Bearer( |$)/i;
/** The scheme of a token that is bound to a key of its sender (RFC 9449 section 7.1). */
const DPOP = /^DPoP( |$)/i;
/** `credentials` of RFC 6750 section 2.1. */
const CREDENTIALS = /^Bearer +[\w.~+/-]+=*$/i;

/** Returns the size limit of a token: half of that of the headers. */
export function maxTokenBytes({ MAX_HEADER_BYTES }: Pick<Environment, 'MAX_HEADER_BYTES'>): number {
  return MAX_HEADER_BYTES / 2;
}

const extract = ExtractJwt.fromAuthHeaderAsBearerToken();

/**
 * Returns the bearer token of a request (RFC 6750 section 2.1), unverified.
 *
 * @throws DomainError `auth.token_missing` without a token; `auth.token_invalid` if the header is sent twice, is not one
 * token, is longer than `maxBytes`, or has the scheme `DPoP`
 */
export function bearerToken(request: IncomingMessage, maxBytes = MAX_TOKEN_BYTES): string {
  const header = request.headers.authorization;
  if (repeatedHeaders(request, ['Authorization']).length > 0)
    throw tokenInvalid('header', 'The Authorization header was sent more than once: send it once');
  if (header !== undefined && DPOP.test(header))
    throw tokenInvalid('sender_constrained', 'DPoP is not supported: send a plain bearer token');
  if (header === undefined || !BEARER.test(header)) throw tokenMissing();
  // Before the extractor, because its regular expression takes quadratic time on a long header.
  if (header.length > maxBytes + 'Bearer '.length)
    throw tokenInvalid('too_long', `The token is longer than ${Math.floor(maxBytes / 1024)} KB`);
  if (!CREDENTIALS.test(header))
    throw tokenInvalid('header', 'The Authorization header is not one token');
  const token = extract(request);
  if (token === null) throw tokenMissing();
  return token;
}
