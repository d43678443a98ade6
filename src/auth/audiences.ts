import type { Environment } from '../config/environment.js';

/**
 * The audiences that a token may name: those of OIDC_AUDIENCE and the URLs of the controller itself, which an MCP client
 * asks its token for (RFC 8707). The URLs come from PUBLIC_URL only: a caller chooses the `Host` of its request, and with
 * it could choose the audience. Empty: any audience.
 */
export function acceptedAudiences({ OIDC_AUDIENCE, PUBLIC_URL }: Environment): readonly string[] {
  if (OIDC_AUDIENCE.length === 0 || PUBLIC_URL === undefined) return OIDC_AUDIENCE;
  const base = new URL(PUBLIC_URL).href.replace(/\/+$/, '');
  return [...OIDC_AUDIENCE, base, `${base}/`, `${base}/mcp`];
}
