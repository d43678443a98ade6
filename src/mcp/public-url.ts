import type { Request } from 'express';
import type { Environment } from '../config/environment.js';

/** Where callers reach this controller, without a slash at the end; undefined when neither we nor they know. */
export function publicUrl(
  { PUBLIC_URL }: Environment,
  { protocol, host }: Request,
): string | undefined {
  const url = PUBLIC_URL ?? `${protocol}://${host}`;
  return URL.canParse(url) ? new URL(url).href.replace(/\/+$/, '') : undefined;
}

export const METADATA_PATH = '.well-known/oauth-protected-resource';
