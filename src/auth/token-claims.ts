import { inNfc } from '../common/names.js';
import type { Agent } from './agent.js';
import { isRecord } from '../common/is-record.js';
import type { RolesMap } from '../config/roles-map.js';
import { mappedRoles, roleNames, roleNamesAt } from './role-claims.js';
import { usableRoles, withStoredSpellings } from './roles.js';
import { tokenExpired, tokenInvalid } from './token-errors.js';

/** The requirements that the claims of a token must meet. */
export interface ClaimExpectations {
  /** The exact `iss`; undefined accepts any. */
  readonly issuer?: string;
  /** Accepted values of `aud`; empty accepts any. */
  readonly audiences: readonly string[];
  /** The clients whose client roles are read, by their names at the identity provider. */
  readonly clients: readonly string[];
  /** The clients whose access tokens are accepted without `aud`. */
  readonly clientIds?: readonly string[];
  /** The roles by the names in the token; undefined: the names are the roles. */
  readonly rolesMap?: RolesMap;
  /** Receives the number of role names that are ignored because they are too long. */
  readonly onIgnoredRoles?: (count: number) => void;
  /** The path of the claim with the roles; undefined for the claims that {@link roleNames} reads. */
  readonly rolesClaim?: string;
  /** The org roles that exist; empty accepts any. */
  readonly roleAllowList: readonly string[];
  /** Without a usable `role` claim, the first of these that the token carries is the default role. */
  readonly rolePrecedence: readonly string[];
  /** The current time, in seconds since the epoch. */
  readonly nowSeconds: number;
}

type TokenClaims = Record<string, unknown>;

/** Tolerated difference between the clocks of the issuer and the controller, in seconds. */
const SKEW_SECONDS = 60;

const MAX_ROLE_LENGTH = 50;

/**
 * Validates the header and the payload of a token with a verified signature and returns its agent. Checks each claim and
 * its type (RFC 7519 section 4.1, RFC 7515 section 4.1.11, RFC 9068 section 4).
 *
 * @throws DomainError `auth.token_invalid` or `auth.token_expired`
 */
export function agentFromClaims(
  header: unknown,
  payload: unknown,
  expected: ClaimExpectations,
): Omit<Agent, 'kind'> {
  if (!isRecord(header) || !isRecord(payload))
    throw tokenInvalid('malformed', 'The token is not a JWT');
  checkHeader(header);
  checkIsAccessToken(payload);
  checkIsBearerToken(payload);
  checkAudience(header, payload, expected);
  const issuer = issuerOf(payload, expected.issuer);
  assertInTime(payload, expected.nowSeconds);
  const names =
    expected.rolesClaim === undefined
      ? roleNames(payload, expected.clients)
      : roleNamesAt(payload, expected.rolesClaim);
  const roleNamesOfMesh = mappedRoles(names, expected.rolesMap, issuer);
  const roles = usableRoles(roleNamesOfMesh, expected.roleAllowList);
  checkRoleLengths(roleNamesOfMesh, roles, expected);
  return {
    subject: `${issuer}#${subOf(payload)}`,
    roles: withStoredSpellings(roles),
    defaultRole: [inNfc(payload['role']), ...expected.rolePrecedence].find(
      (role): role is string => typeof role === 'string' && roles.includes(role),
    ),
    ...(isName(payload['jti']) && { tokenId: payload['jti'] }),
    issuedAt: Number(payload['iat']),
    expiresAt: Number(payload['exp']),
  };
}

/** Refuses critical extensions, because none is supported, and JWTs other than access tokens by `typ` (RFC 9068). */
function checkHeader({ crit, typ }: TokenClaims): void {
  if (crit !== undefined)
    throw tokenInvalid('malformed', 'The token requires an extension (crit) that is not supported');
  const isJwt = typeof typ === 'string' && /^(application\/)?(at\+)?jwt$/i.test(typ);
  if (typ !== undefined && !isJwt)
    throw tokenInvalid('not_access_token', 'The token is not an access token');
}

/**
 * Refuses tokens that are not access tokens. Keycloak sets the claim `typ` to `Bearer`, `ID`, `Refresh`, `Offline`,
 * `Logout` or `DPoP`. ID tokens of other providers have a hash claim or a `nonce`; older versions of Keycloak also put
 * `nonce` into access tokens. Cognito sets `token_use` to `access` or `id`.
 */
function checkIsAccessToken(claims: TokenClaims): void {
  const { typ, at_hash, c_hash, nonce, token_use } = claims;
  const isBearer = typeof typ === 'string' && typ.toLowerCase() === 'bearer';
  const isOther = typ !== undefined && !isBearer;
  const isIdToken =
    at_hash !== undefined || c_hash !== undefined || (nonce !== undefined && !isBearer);
  const isOtherUse = token_use !== undefined && token_use !== 'access';
  if (isOther || isOtherUse || isIdToken || isIdTokenOfEntra(claims))
    throw tokenInvalid('not_access_token', 'The token is not an access token');
}

/**
 * Refuses a token with `cnf` (RFC 7800). It is valid only with a proof of its key, by DPoP (RFC 9449) or by the TLS
 * certificate of the client (RFC 8705), and the controller verifies neither.
 */
function checkIsBearerToken({ cnf }: TokenClaims): void {
  if (cnf !== undefined)
    throw tokenInvalid(
      'sender_constrained',
      'The token is sender-constrained (cnf): send a plain bearer token',
    );
}

/** An access token of Entra ID names its client, an ID token does not. */
function isIdTokenOfEntra({ tid, ver, appid, azp }: TokenClaims): boolean {
  const isEntra = typeof tid === 'string' && (ver === '1.0' || ver === '2.0');
  return isEntra && typeof appid !== 'string' && typeof azp !== 'string';
}

/**
 * A token without `aud` is accepted only for a client of the allow-list, and only if it is marked as an access token:
 * an ID token names its client in `aud`, or must not be accepted at all.
 */
function checkAudience(
  { typ }: TokenClaims,
  { aud, client_id, token_use }: TokenClaims,
  { audiences: accepted, clientIds = [] }: ClaimExpectations,
): void {
  if (accepted.length === 0 && clientIds.length === 0) return;
  const isMarked = token_use === 'access' || (typeof typ === 'string' && /at\+jwt$/i.test(typ));
  if (aud === undefined && isMarked && clientIds.some((id) => id === client_id)) return;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!accepted.some((audience) => audiences.includes(audience)))
    throw tokenInvalid('audience', 'The token is for another audience');
}

/** Reports names that are too long. Refuses a token that has no other role, because it would silently lose its rights. */
function checkRoleLengths(
  names: readonly string[],
  usable: readonly string[],
  { onIgnoredRoles }: ClaimExpectations,
): void {
  const tooLong = names.filter((name) => [...name].length > MAX_ROLE_LENGTH).length;
  if (tooLong === 0) return;
  if (usable.length === 0)
    throw tokenInvalid('roles', 'All roles of the token have names of more than 50 characters');
  onIgnoredRoles?.(tooLong);
}

/** Returns the issuer. It must not contain `#`, which separates issuer and `sub` in a subject. */
function issuerOf({ iss }: TokenClaims, issuer: string | undefined): string {
  if (issuer !== undefined && iss !== issuer)
    throw tokenInvalid('issuer', 'The token is from another issuer');
  if (iss === undefined) return '';
  if (!isName(iss) || iss.includes('#'))
    throw tokenInvalid('issuer', 'The issuer (iss) of the token is malformed');
  return iss;
}

function subOf({ sub }: TokenClaims): string {
  if (!isName(sub)) throw tokenInvalid('subject', 'The token has no valid subject (sub)');
  return sub;
}

/**
 * Checks the times of a token against the current time, in seconds since the epoch.
 *
 * @throws DomainError `auth.token_invalid` or `auth.token_expired`
 */
export function assertInTime({ exp, iat, nbf }: TokenClaims, now: number): void {
  if (!isTime(exp)) throw tokenInvalid('time', 'The token has no expiry time (exp)');
  if (!isTime(iat)) throw tokenInvalid('time', 'The token has no issue time (iat)');
  if (nbf !== undefined && !isTime(nbf))
    throw tokenInvalid('time', 'The start time (nbf) of the token is malformed');
  if (iat > now + SKEW_SECONDS) throw tokenInvalid('time', 'The token is from the future');
  if (nbf !== undefined && nbf > now + SKEW_SECONDS)
    throw tokenInvalid('time', 'The token is not valid yet (nbf)');
  if (exp <= now - SKEW_SECONDS) throw tokenExpired();
}

/** Whether a value is a `NumericDate`. Infinity is not: JSON can contain `1e999`. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** Whether PostgreSQL and the log store the text unchanged. Lone surrogates are replaced, so two subjects would become one. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[^\p{Cc}\p{Cs}]{1,255}$/u.test(value);
}
