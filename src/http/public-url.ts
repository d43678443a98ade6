import type { Request } from 'express';
import type { Environment } from '../config/environment.js';
import { isHost } from './host.js';

/** Returns the public URL of the controller without a trailing slash: PUBLIC_URL, else that of the request. */
export function publicUrl(
  { PUBLIC_URL }: Environment,
  { protocol, host }: Request,
): string | undefined {
  const url = PUBLIC_URL ?? urlOf(protocol, host);
  return url !== undefined && URL.canParse(url) ? new URL(url).href.replace(/\/+$/, '') : undefined;
}

/** Returns the URL of a request. Its protocol can be any text, because a trusted proxy sets `X-Forwarded-Proto`. */
function urlOf(protocol: string, host: string | undefined): string | undefined {
  const isWeb = protocol === 'http' || protocol === 'https';
  return isWeb && host !== undefined && isHost(host) ? `${protocol}://${host}` : undefined;
}
