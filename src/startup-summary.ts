import type { Environment } from './config/environment.js';
import { VERSION } from './version.js';

/** Returns the log line of a started controller: version, address and dependencies, without any secret. */
export function startupSummary(environment: Environment, url: string): string {
  const { DATABASE_URL, REDIS_URL, OIDC_ISSUER_URL } = environment;
  const database = DATABASE_URL === undefined ? 'embedded' : hostOf(DATABASE_URL);
  const redis = REDIS_URL.length > 0 ? REDIS_URL.map(hostOf).join(', ') : 'none';
  const issuer =
    OIDC_ISSUER_URL.length === 0
      ? 'development tokens'
      : OIDC_ISSUER_URL.map(withoutCredentials).join(', ');
  return `Agent Mesh Controller ${VERSION} listens at ${url}. Database: ${database}. Redis: ${redis}. Issuer: ${issuer}.`;
}

/** Returns the hosts and ports of a URL. A database URL can list several hosts, which `URL` cannot parse. */
function hostOf(url: string): string {
  if (URL.canParse(url)) {
    const { host, searchParams } = new URL(url);
    return host || searchParams.get('host') || 'the default host';
  }
  const [authority = ''] = url.replace(/^\w+:\/\//, '').split(/[/?#]/);
  const hosts = authority.slice(authority.lastIndexOf('@') + 1);
  return /^[\w.:,[\]-]+$/.test(hosts) ? hosts : 'an unreadable URL';
}

/** Returns a URL without user, password, query and fragment. */
function withoutCredentials(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname === '/' ? '' : pathname}`;
}
