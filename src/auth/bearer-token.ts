import type { IncomingMessage } from 'node:http';
import { ExtractJwt } from 'passport-jwt';
import { repeatedHeaders } from '../http/repeated-headers.js';
import { tokenInvalid, tokenMissing } from './token-errors.js';

const MAX_TOKEN_BYTES = 8192;
const MAX_HEADER_BYTES = MAX_TOKEN_BYTES + 'Bearer '.length;
const BEARER = /^Bearer( |$)/i;
/** `credentials` of RFC 6750 section 2.1. */
const CREDENTIALS = /^Bearer +[\w.~+/-]+=*$/i;

const extract = ExtractJwt.fromAuthHeaderAsBearerToken();

/**
 * The bearer token of a request (RFC 6750 section 2.1), not yet looked into.
 * Throws `auth.token_missing` when there is none, and `auth.token_invalid` when the header is sent twice,
 * is not one token, or is longer than 8 KB.
 */
export function bearerToken(request: IncomingMessage): string {
  const header = request.headers.authorization;
  if (repeatedHeaders(request, ['Authorization']).length > 0)
    throw tokenInvalid('The Authorization header was sent more than once');
  if (header === undefined || !BEARER.test(header)) throw tokenMissing();
  // First of all, for the extractor's own expression takes quadratic time on a long header.
  if (header.length > MAX_HEADER_BYTES) throw tokenInvalid('The token is longer than 8 KB');
  if (!CREDENTIALS.test(header)) throw tokenInvalid('The Authorization header is not one token');
  const token = extract(request);
  if (token === null) throw tokenMissing();
  return token;
}
