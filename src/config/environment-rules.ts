import { isLoopback } from '../common/loopback.js';
import type { Environment } from './environment.js';

/** A rule for a combination of variables. Returns the problems. */
export type EnvironmentRule = (environment: Environment) => string[];

/** Over plain http, an attacker on the network path could replace the signing keys. */
const httpsOutsideLoopback: EnvironmentRule = (environment) =>
  (['OIDC_ISSUER_URL', 'OIDC_JWKS_URL'] as const).flatMap((name) => {
    const url = environment[name] === undefined ? undefined : new URL(environment[name]);
    const safe =
      url?.protocol !== 'http:' || isLoopback(url.hostname) || environment.OIDC_ALLOW_HTTP;
    return safe ? [] : [`${name} must be https (or set OIDC_ALLOW_HTTP=true)`];
  });

const oneSourceOfKeys: EnvironmentRule = ({
  OIDC_JWKS_URL,
  OIDC_ISSUER_URL,
  OIDC_AUDIENCE,
  JWT_SECRET,
}) => {
  if (OIDC_JWKS_URL !== undefined && JWT_SECRET !== undefined) {
    return ['set OIDC_JWKS_URL or JWT_SECRET, not both'];
  }
  if (
    OIDC_JWKS_URL !== undefined &&
    (OIDC_ISSUER_URL === undefined || OIDC_AUDIENCE.length === 0)
  ) {
    return ['OIDC_JWKS_URL needs OIDC_ISSUER_URL and OIDC_AUDIENCE too'];
  }
  return [];
};

/** A missing variable must not disable authentication. */
const someSourceOfKeys: EnvironmentRule = (environment) =>
  environment.OIDC_JWKS_URL === undefined &&
  environment.JWT_SECRET === undefined &&
  !environment.isEmbedded
    ? ['set OIDC_JWKS_URL (with OIDC_ISSUER_URL and OIDC_AUDIENCE), or JWT_SECRET for development']
    : [];

const noDevelopmentInProduction: EnvironmentRule = ({ NODE_ENV, JWT_SECRET, isEmbedded }) => [
  ...(NODE_ENV === 'production' && isEmbedded
    ? ['NODE_ENV=production needs DATABASE_URL: the embedded database is for development']
    : []),
  ...(NODE_ENV === 'production' && JWT_SECRET !== undefined
    ? ['NODE_ENV=production refuses JWT_SECRET: use OIDC_JWKS_URL']
    : []),
];

/** Without DATABASE_URL the controller would start the embedded database instead of the intended one. */
const directUrlBesideUrl: EnvironmentRule = ({ DATABASE_URL, DATABASE_DIRECT_URL }) =>
  DATABASE_DIRECT_URL !== undefined && DATABASE_URL === undefined
    ? ['DATABASE_DIRECT_URL needs DATABASE_URL too']
    : [];

/** No token can carry a role outside of ROLES, so its precedence would have no effect. */
const precedenceOfKnownRoles: EnvironmentRule = ({ ROLES, DEFAULT_ROLE_PRECEDENCE }) =>
  ROLES.length > 0 && DEFAULT_ROLE_PRECEDENCE.some((role) => !ROLES.includes(role))
    ? ['DEFAULT_ROLE_PRECEDENCE must name roles of ROLES only']
    : [];

export const ENVIRONMENT_RULES: readonly EnvironmentRule[] = [
  httpsOutsideLoopback,
  oneSourceOfKeys,
  someSourceOfKeys,
  noDevelopmentInProduction,
  directUrlBesideUrl,
  precedenceOfKnownRoles,
];
