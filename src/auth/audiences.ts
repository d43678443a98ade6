import type { Environment } from '../config/environment.js';

/**
 * Returns the accepted values of `aud`; empty accepts any. They are OIDC_AUDIENCE and the URLs of the controller, for
 * which an MCP client requests its token (RFC 8707). The URLs come from PUBLIC_URL only, because the caller controls the
 * `Host` header and could choose the audience with it.
 */
export function acceptedAudiences({ OIDC_AUDIENCE, PUBLIC_URL }: Environment): readonly string[] {
  if (OIDC_AUDIENCE.length === 0 || PUBLIC_URL === undefined) return OIDC_AUDIENCE;
  const base = new URL(PUBLIC_URL).href.replace(/\/+$/, '');
  return [...OIDC_AUDIENCE, base, `${base}/`, `${base}/mcp`];
}
