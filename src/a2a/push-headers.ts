import { signatureHeaders } from '../webhooks/webhook-signature.js';
import type { PushSecret } from './push-secrets.service.js';
import type { PushUpdate } from './push-updates.js';

/** The scheme whose credentials are a secret that signs the request, and are not sent. */
const SIGNED = 'standard-webhooks';

/** Whether a scheme signs requests (Standard Webhooks 1.0.0). */
export function isSigned(scheme: string): boolean {
  return scheme.toLowerCase() === SIGNED;
}

/** Returns the headers of a push notification (A2A 1.0, section 4.3.3). */
export function pushHeaders(
  { token, scheme, credentials = '' }: PushSecret,
  { id, body }: PushUpdate,
): Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1000);
  const signing = scheme !== undefined && isSigned(scheme) ? [credentials] : [];
  const { 'webhook-signature': signature, ...identity } = signatureHeaders(
    { id, timestamp, body },
    signing,
  );
  return {
    'content-type': 'application/a2a+json',
    'a2a-version': '1.0',
    ...identity,
    ...(token !== undefined && { 'x-a2a-notification-token': token }),
    ...(signing.length > 0 && signature !== undefined && { 'webhook-signature': signature }),
    ...(signing.length === 0 &&
      scheme !== undefined && { authorization: `${scheme} ${credentials}`.trim() }),
  };
}
