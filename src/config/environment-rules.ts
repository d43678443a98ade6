import ipaddr from 'ipaddr.js';
import { parseVerifierKey } from '../../packages/verify/src/note.js';
import { isLoopback } from '../common/loopback.js';
import { readCards } from './a2a-cards.js';
import { parseAnchor } from './audit-anchor.js';
import { parseSigningKey } from './audit-signing-key.js';
import { parseWitness } from './audit-witness.js';
import type { Environment } from './environment.js';
import { parseRedisUrl } from './redis-url.js';
import { parseRolesMap } from './roles-map.js';
import { readTlsFiles } from './tls-files.js';

/** A rule for a combination of variables. Returns the problems. */
export type EnvironmentRule = (environment: Environment) => string[];

/** Over plain http, an attacker on the network path could replace the signing keys. */
const httpsOutsideLoopback: EnvironmentRule = (environment) =>
  (['OIDC_ISSUER_URL', 'OIDC_JWKS_URL'] as const).flatMap((name) => {
    const safe = environment[name]
      .map((text) => new URL(text))
      .every(({ protocol, hostname }) => protocol !== 'http:' || isLoopback(hostname));
    return safe || environment.OIDC_ALLOW_HTTP
      ? []
      : [`${name} must be https (or set OIDC_ALLOW_HTTP=true)`];
  });

const oneSourceOfKeys: EnvironmentRule = ({
  OIDC_JWKS_URL,
  OIDC_ISSUER_URL,
  OIDC_AUDIENCE,
  OIDC_CLIENT_IDS,
  JWT_SECRET,
}) => {
  if (OIDC_JWKS_URL.length > 0 && JWT_SECRET !== undefined) {
    return ['set OIDC_JWKS_URL or JWT_SECRET, not both'];
  }
  if (OIDC_JWKS_URL.length === 0) return [];
  const recipients = OIDC_AUDIENCE.length + OIDC_CLIENT_IDS.length;
  if (OIDC_ISSUER_URL.length === 0 || recipients === 0)
    return ['OIDC_JWKS_URL needs OIDC_ISSUER_URL and OIDC_AUDIENCE too'];
  return OIDC_ISSUER_URL.length !== OIDC_JWKS_URL.length ||
    new Set(OIDC_ISSUER_URL).size < OIDC_ISSUER_URL.length
    ? ['OIDC_JWKS_URL must list one URL for each issuer of OIDC_ISSUER_URL, in the same order']
    : [];
};

/** The console signs people in at the first issuer. */
const issuerOfConsole: EnvironmentRule = ({ OIDC_CONSOLE_CLIENT_ID, OIDC_JWKS_URL }) =>
  OIDC_CONSOLE_CLIENT_ID !== undefined && OIDC_JWKS_URL.length === 0
    ? ['OIDC_CONSOLE_CLIENT_ID needs OIDC_JWKS_URL and OIDC_ISSUER_URL too']
    : [];

/** A missing variable must not disable authentication. */
const someSourceOfKeys: EnvironmentRule = (environment) =>
  environment.OIDC_JWKS_URL.length === 0 &&
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
const furtherUrlsBesideUrl: EnvironmentRule = (environment) =>
  (['DATABASE_DIRECT_URL', 'DATABASE_READ_URL'] as const)
    .filter((name) => environment[name] !== undefined && environment.isEmbedded)
    .map((name) => `${name} needs DATABASE_URL too`);

/** No token can carry a role outside of ROLES, so its precedence would have no effect. */
const precedenceOfKnownRoles: EnvironmentRule = ({ ROLES, DEFAULT_ROLE_PRECEDENCE }) =>
  ROLES.length > 0 && DEFAULT_ROLE_PRECEDENCE.some((role) => !ROLES.includes(role))
    ? ['DEFAULT_ROLE_PRECEDENCE must name roles of ROLES only']
    : [];

const usableRolesMap: EnvironmentRule = ({ OIDC_ROLES_MAP }) =>
  OIDC_ROLES_MAP === undefined ? [] : problemOf(() => parseRolesMap(OIDC_ROLES_MAP));

const usableRedisUrls: EnvironmentRule = ({ REDIS_URL, REDIS_SENTINEL_NAME }) => {
  const problems = REDIS_URL.flatMap((url) => problemOf(() => parseRedisUrl(url)));
  if (problems.length > 0 || REDIS_URL.length === 0) return [...new Set(problems)];
  const addresses = REDIS_URL.map(parseRedisUrl);
  const isSingle = addresses.length === 1 && REDIS_SENTINEL_NAME === undefined;
  if (!isSingle && addresses.some(({ path }) => path !== undefined))
    return ['a unix URL in REDIS_URL must be its only URL'];
  return !isSingle && REDIS_SENTINEL_NAME === undefined && addresses.some(({ db }) => db !== 0)
    ? ['several URLs in REDIS_URL are the nodes of a cluster, which has database 0 only']
    : [];
};

/** Without them the settings would have no effect, and the connection would not be encrypted as intended. */
const redisSettingsWithUrl: EnvironmentRule = (environment) => {
  const { REDIS_URL, REDIS_SENTINEL_NAME, REDIS_SENTINEL_USERNAME } = environment;
  const { REDIS_SENTINEL_PASSWORD, REDIS_TLS_CERT_FILE, REDIS_TLS_KEY_FILE } = environment;
  const needsSentinel = REDIS_SENTINEL_USERNAME ?? REDIS_SENTINEL_PASSWORD;
  const needsTls = environment.REDIS_TLS_CA_FILE ?? REDIS_TLS_CERT_FILE ?? REDIS_TLS_KEY_FILE;
  const isEncrypted = REDIS_URL.some((url) => url.startsWith('rediss:'));
  return [
    ...(REDIS_SENTINEL_NAME !== undefined && REDIS_URL.length === 0
      ? ['REDIS_SENTINEL_NAME needs the URLs of the Sentinels in REDIS_URL']
      : []),
    ...(needsSentinel !== undefined && REDIS_SENTINEL_NAME === undefined
      ? ['REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD need REDIS_SENTINEL_NAME']
      : []),
    ...(needsTls !== undefined && !isEncrypted
      ? ['REDIS_TLS_CA_FILE, REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE need a rediss URL']
      : []),
    ...((REDIS_TLS_CERT_FILE === undefined) !== (REDIS_TLS_KEY_FILE === undefined)
      ? ['set both REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE, or neither']
      : problemOf(() => readTlsFiles(environment))),
  ];
};

function problemOf(work: () => unknown): string[] {
  try {
    work();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : 'a value is not valid'];
  }
}

/** The headers are part of the request. */
const headersBeforeRequest: EnvironmentRule = ({ HTTP_HEADERS_SECONDS, HTTP_REQUEST_SECONDS }) =>
  HTTP_HEADERS_SECONDS > HTTP_REQUEST_SECONDS
    ? ['HTTP_HEADERS_SECONDS must not exceed HTTP_REQUEST_SECONDS']
    : [];

const networksOfWebhooks: EnvironmentRule = ({ WEBHOOK_ALLOWED_NETWORKS }) =>
  WEBHOOK_ALLOWED_NETWORKS.every((network) => ipaddr.isValidCIDR(network))
    ? []
    : ['WEBHOOK_ALLOWED_NETWORKS must hold networks such as 10.0.0.0/8'];

/** The controller cannot assign work to another role. */
const knownA2aRoles: EnvironmentRule = ({ ROLES, A2A_ROLES }) => [
  ...(ROLES.length > 0 && A2A_ROLES.some((role) => !ROLES.includes(role))
    ? ['A2A_ROLES must name roles of ROLES only']
    : []),
  ...(A2A_ROLES.some((role) => ['admin', 'auditor', 'system'].includes(role))
    ? ['A2A_ROLES must not name admin, auditor or system']
    : []),
];

const usableA2aCards: EnvironmentRule = ({ A2A_CARDS_FILE, A2A_ROLES }) => {
  if (A2A_CARDS_FILE === undefined) return [];
  return problemOf(() => {
    const roles = [...readCards(A2A_CARDS_FILE).keys()];
    if (roles.some((role) => !A2A_ROLES.includes(role)))
      throw new Error('the file of A2A_CARDS_FILE must name roles of A2A_ROLES only');
  });
};

const auditSigner: EnvironmentRule = (environment) => {
  const { AUDIT_SIGNING_KEY, AUDIT_SIGNER_URL, AUDIT_SIGNER_KEY } = environment;
  if (AUDIT_SIGNING_KEY !== undefined && AUDIT_SIGNER_URL !== undefined)
    return ['set AUDIT_SIGNING_KEY or AUDIT_SIGNER_URL, not both'];
  if (AUDIT_SIGNING_KEY !== undefined) return problemOf(() => parseSigningKey(AUDIT_SIGNING_KEY));
  if (AUDIT_SIGNER_URL === undefined) return [];
  const { protocol, hostname } = new URL(AUDIT_SIGNER_URL);
  if (protocol === 'http:' && !isLoopback(hostname)) return ['AUDIT_SIGNER_URL must be https'];
  return AUDIT_SIGNER_KEY === undefined ? ['AUDIT_SIGNER_URL needs AUDIT_SIGNER_KEY too'] : [];
};

const verifierKeys: EnvironmentRule = ({ AUDIT_SIGNER_KEY, AUDIT_RETIRED_KEYS }) => [
  ...(AUDIT_SIGNER_KEY === undefined || isVerifierKey(AUDIT_SIGNER_KEY)
    ? []
    : ['AUDIT_SIGNER_KEY must be a verifier key: <name>+<key id>+<base64>']),
  ...(AUDIT_RETIRED_KEYS.every(isVerifierKey)
    ? []
    : ['AUDIT_RETIRED_KEYS must hold verifier keys: <name>+<key id>+<base64>']),
];

function isVerifierKey(vkey: string): boolean {
  return problemOf(() => parseVerifierKey(vkey)).length === 0;
}

const usableAnchors: EnvironmentRule = ({ AUDIT_ANCHORS }) => [
  ...new Set(AUDIT_ANCHORS.flatMap((anchor) => problemOf(() => parseAnchor(anchor)))),
];

const usableWitnesses: EnvironmentRule = ({ AUDIT_WITNESSES, AUDIT_WITNESS_QUORUM }) => {
  const problems = AUDIT_WITNESSES.flatMap((witness) => problemOf(() => parseWitness(witness)));
  if (problems.length > 0) return [...new Set(problems)];
  const verifiers = AUDIT_WITNESSES.map((witness) => parseWitness(witness).verifier);
  const names = new Set(verifiers.map(({ name }) => name));
  const keys = new Set(verifiers.map(({ publicKey }) => publicKey.toString('hex')));
  return [
    ...(names.size < verifiers.length || keys.size < verifiers.length
      ? ['AUDIT_WITNESSES must not hold the name or the key of a witness twice']
      : []),
    ...(AUDIT_WITNESS_QUORUM > verifiers.length
      ? ['AUDIT_WITNESS_QUORUM must not exceed the number of AUDIT_WITNESSES']
      : []),
  ];
};

export const ENVIRONMENT_RULES: readonly EnvironmentRule[] = [
  httpsOutsideLoopback,
  oneSourceOfKeys,
  issuerOfConsole,
  someSourceOfKeys,
  noDevelopmentInProduction,
  furtherUrlsBesideUrl,
  precedenceOfKnownRoles,
  usableRolesMap,
  usableRedisUrls,
  redisSettingsWithUrl,
  headersBeforeRequest,
  networksOfWebhooks,
  knownA2aRoles,
  usableA2aCards,
  auditSigner,
  verifierKeys,
  usableAnchors,
  usableWitnesses,
];
