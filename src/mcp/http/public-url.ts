import type { Request } from 'express';
import type { Environment } from '../../config/environment.js';
import { isHost } from '../../http/host.js';

/** Where callers reach this controller, without a slash at the end; undefined when neither we nor they know. */
export function publicUrl(
  { PUBLIC_URL }: Environment,
  { protocol, host }: Request,
): string | undefined {
  const url = PUBLIC_URL ?? urlOf(protocol, host);
  return url !== undefined && URL.canParse(url) ? new URL(url).href.replace(/\/+$/, '') : undefined;
}

/** Of a proxy that is trusted, the protocol is what `X-Forwarded-Proto` says: it may say anything. */
function urlOf(protocol: string, host: string | undefined): string | undefined {
  const isWeb = protocol === 'http' || protocol === 'https';
  return isWeb && host !== undefined && isHost(host) ? `${protocol}://${host}` : undefined;
}

export const METADATA_PATH = '.well-known/oauth-protected-resource';
