import { inNfc } from '../common/names.js';
import type { Agent } from './agent.js';
import { isRecord } from './is-record.js';
import { roleNames, roleNamesAt } from './role-claims.js';
import { usableRoles, withStoredSpellings } from './roles.js';
import { tokenExpired, tokenInvalid } from './token-errors.js';

/** What a token has to say to be ours. */
export interface Expectations {
  /** The exact `iss`; undefined: any. */
  readonly issuer?: string;
  /** `aud` has to name one of these; empty: any. */
  readonly audiences: readonly string[];
  /** The clients of ours whose roles count, as the identity provider names them. */
  readonly clients: readonly string[];
  /** The path of the one claim that holds the roles; undefined: those that {@link roleNames} reads. */
  readonly rolesClaim?: string;
  /** The org roles that exist; empty: any. */
  readonly roleAllowList: readonly string[];
  /** The role to act for by default is the first of these that the token carries, unless its `role` says which. */
  readonly rolePrecedence: readonly string[];
  /** The present, in seconds since the epoch. */
  readonly nowSeconds: number;
}

type Claims = Record<string, unknown>;

/** How far the clocks of the issuer and the controller may be apart, in seconds. */
const SKEW_SECONDS = 60;

/**
 * Makes an agent of the header and payload of a token whose signature is verified.
 * Checks every claim itself (RFC 7519 section 4.1, RFC 7515 section 4.1.11, RFC 9068 section 4) and takes nothing for
 * granted about its type. Throws `auth.token_invalid` or `auth.token_expired`.
 */
export function agentFromClaims(
  header: unknown,
  payload: unknown,
  expected: Expectations,
): Omit<Agent, 'kind'> {
  if (!isRecord(header) || !isRecord(payload)) throw tokenInvalid('The token is not a JWT');
  checkHeader(header);
  checkIsAccessToken(payload);
  checkIsBearerToken(payload);
  checkAudience(payload, expected.audiences);
  const issuer = issuerOf(payload, expected.issuer);
  assertInTime(payload, expected.nowSeconds);
  const names =
    expected.rolesClaim === undefined
      ? roleNames(payload, expected.clients)
      : roleNamesAt(payload, expected.rolesClaim);
  const roles = usableRoles(names, expected.roleAllowList);
  return {
    subject: `${issuer}#${subOf(payload)}`,
    roles: withStoredSpellings(roles),
    defaultRole: [inNfc(payload['role']), ...expected.rolePrecedence].find(
      (role): role is string => typeof role === 'string' && roles.includes(role),
    ),
    issuedAt: Number(payload['iat']),
  };
}

/** We understand no extension, so none may be critical; `typ` tells access tokens from other JWTs (RFC 9068). */
function checkHeader({ crit, typ }: Claims): void {
  if (crit !== undefined) throw tokenInvalid('The token demands an extension that is not known');
  const isJwt = typeof typ === 'string' && /^(application\/)?(at\+)?jwt$/i.test(typ);
  if (typ !== undefined && !isJwt) throw tokenInvalid('The token is not an access token');
}

/**
 * Keycloak says by the claim `typ` what a token is for: `Bearer`, or `ID`, `Refresh`, `Offline`, `Logout`, `DPoP`.
 * Others are ID tokens by their hashes or their `nonce`, which older Keycloaks also put into access tokens.
 */
function checkIsAccessToken({ typ, at_hash, c_hash, nonce }: Claims): void {
  const isBearer = typeof typ === 'string' && typ.toLowerCase() === 'bearer';
  const isOther = typ !== undefined && !isBearer;
  const isIdToken =
    at_hash !== undefined || c_hash !== undefined || (nonce !== undefined && !isBearer);
  if (isOther || isIdToken) throw tokenInvalid('The token is not an access token');
}

/**
 * A token with `cnf` (RFC 7800) is good only together with a proof of its key: by DPoP (RFC 9449) or by the client's TLS
 * certificate (RFC 8705). Neither is verified here, so that it must not pass without.
 */
function checkIsBearerToken({ cnf }: Claims): void {
  if (cnf !== undefined)
    throw tokenInvalid('The token is sender-constrained (cnf): send a plain bearer token');
}

function checkAudience({ aud }: Claims, accepted: readonly string[]): void {
  if (accepted.length === 0) return;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!accepted.some((audience) => audiences.includes(audience)))
    throw tokenInvalid('The token is for another audience');
}

/** Without `#`, so that the first one in a subject ends its issuer. */
function issuerOf({ iss }: Claims, issuer: string | undefined): string {
  if (issuer !== undefined && iss !== issuer)
    throw tokenInvalid('The token is from another issuer');
  if (iss === undefined) return '';
  if (!isName(iss) || iss.includes('#')) throw tokenInvalid('The issuer of the token is malformed');
  return iss;
}

function subOf({ sub }: Claims): string {
  if (!isName(sub)) throw tokenInvalid('The token names no subject');
  return sub;
}

/**
 * Whether a token can be used at a time, in seconds since the epoch. Throws `auth.token_invalid` or
 * `auth.token_expired`.
 */
export function assertInTime({ exp, iat, nbf }: Claims, now: number): void {
  if (!isTime(exp)) throw tokenInvalid('The token has no time of expiry');
  if (!isTime(iat)) throw tokenInvalid('The token has no time of issue');
  if (nbf !== undefined && !isTime(nbf)) throw tokenInvalid('The times of the token are malformed');
  if (iat > now + SKEW_SECONDS) throw tokenInvalid('The token is from the future');
  if (nbf !== undefined && nbf > now + SKEW_SECONDS)
    throw tokenInvalid('The token is not valid yet');
  if (exp <= now - SKEW_SECONDS) throw tokenExpired();
}

/** A `NumericDate`; `1e999` is JSON, too. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Something that Postgres and a log line take as it is: a lone surrogate would make one subject of two. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[^\p{Cc}\p{Cs}]{1,255}$/u.test(value);
}
