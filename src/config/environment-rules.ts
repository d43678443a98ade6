import type { Environment } from './environment.js';

/** A rule over several variables: the problems it finds. */
export type Rule = (environment: Environment) => string[];

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Plain http lets anyone on the way hand us keys of their own. */
const httpsOutsideLoopback: Rule = (environment) =>
  (['OIDC_ISSUER_URL', 'OIDC_JWKS_URL'] as const).flatMap((name) => {
    const url = environment[name] === undefined ? undefined : new URL(environment[name]);
    const safe =
      url?.protocol !== 'http:' || LOOPBACK.test(url.hostname) || environment.OIDC_ALLOW_HTTP;
    return safe ? [] : [`${name} must be https (or set OIDC_ALLOW_HTTP=true)`];
  });

const oneSourceOfKeys: Rule = ({ OIDC_JWKS_URL, OIDC_ISSUER_URL, OIDC_AUDIENCE, JWT_SECRET }) => {
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

/** Nothing is open because a variable is missing. */
const someSourceOfKeys: Rule = (environment) =>
  environment.OIDC_JWKS_URL === undefined &&
  environment.JWT_SECRET === undefined &&
  !environment.isEmbedded
    ? ['set OIDC_JWKS_URL (with OIDC_ISSUER_URL and OIDC_AUDIENCE), or JWT_SECRET for development']
    : [];

const noDevelopmentInProduction: Rule = ({ NODE_ENV, JWT_SECRET, isEmbedded }) => [
  ...(NODE_ENV === 'production' && isEmbedded
    ? ['NODE_ENV=production needs DATABASE_URL: the embedded database is for development']
    : []),
  ...(NODE_ENV === 'production' && JWT_SECRET !== undefined
    ? ['NODE_ENV=production refuses JWT_SECRET: use OIDC_JWKS_URL']
    : []),
];

/** Else the controller would start with a database of its own beside the one that is meant. */
const directUrlBesideUrl: Rule = ({ DATABASE_URL, DATABASE_DIRECT_URL }) =>
  DATABASE_DIRECT_URL !== undefined && DATABASE_URL === undefined
    ? ['DATABASE_DIRECT_URL needs DATABASE_URL too']
    : [];

/** A role that no token can carry would never be acted for. */
const precedenceOfKnownRoles: Rule = ({ ROLES, DEFAULT_ROLE_PRECEDENCE }) =>
  ROLES.length > 0 && DEFAULT_ROLE_PRECEDENCE.some((role) => !ROLES.includes(role))
    ? ['DEFAULT_ROLE_PRECEDENCE must name roles of ROLES only']
    : [];

export const ENVIRONMENT_RULES: readonly Rule[] = [
  httpsOutsideLoopback,
  oneSourceOfKeys,
  someSourceOfKeys,
  noDevelopmentInProduction,
  directUrlBesideUrl,
  precedenceOfKnownRoles,
];
