import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** Returns a new signing secret. */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/** Whether a value has the form of a signing secret: 24 to 64 bytes. */
export function isWebhookSecret(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/.test(value) &&
    Buffer.from(value.slice(PREFIX.length), 'base64').length >= 24
  );
}

/** What the headers of a delivery are made of. */
export interface SignedContent {
  /** Equal in all attempts, so that a receiver detects repetitions. */
  readonly id: string;
  /** Time of the attempt, in seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * Returns the headers of a delivery (Standard Webhooks 1.0.0): id, time, and one signature for each secret.
 *
 * @param secrets the present secret, and during a rotation the one before
 */
export function signatureHeaders(
  { id, timestamp, body }: SignedContent,
  secrets: readonly string[],
): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}
